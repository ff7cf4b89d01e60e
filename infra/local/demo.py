"""`make demo`: start the stack, classify real objects over HTTP and by the drop folder, print the results, stop.

Exit code 0 means that all responses arrived and were valid.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import sys
import time
import urllib.error
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any, Final

from infra.local.running_stack import ROOT, StackError, get, started_stack
from infra.stages.deployments import local
from skysort.models import MODELS

if TYPE_CHECKING:
    from pathlib import Path

EVENTS: Final = ROOT / "events"
TABLE: Final = EVENTS / "stars.csv"
# Rendered, each an example of what its name says (tests/rendered.py).
GALAXIES: Final = tuple(EVENTS / sample.file for sample in MODELS["galaxy"].samples if sample.file)
PHOTOGRAPH: Final = next(EVENTS / sample.file for sample in MODELS["image"].samples if sample.file)
PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG: Final = "image/jpeg"
# The first object of SDSS17.
ROW: Final = next(sample.row for sample in MODELS["star"].samples if sample.row)
RESULT_TIMEOUT_S: Final = 30.0
STAGE: Final = local()
DROP_BUCKET, RESULTS_BUCKET = STAGE.drop_bucket, STAGE.results_bucket


class DemoError(Exception):
    """The demonstration failed; the message says where."""


def main() -> int:
    """Run the demonstration on its own stack on free ports."""
    print("starting the stack", flush=True)
    try:
        with started_stack() as stack:
            print(f"ready after {stack.start_s:.1f} s", flush=True)
            _show_row(stack.api)
            _show_table(stack.api)
            _show_drop(stack.s3)
            _show_picture(4, stack.api, "galaxy", GALAXIES[0])
            _show_picture(5, stack.api, "image", PHOTOGRAPH)
            _show_dropped_picture(stack.s3)
            _show_dropped_archive(stack.s3)
    except (DemoError, StackError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("\nAll of it worked, and the stack stopped.")
    return 0


def _show_row(api: str) -> None:
    print("\n1. One object: POST /v1/classify/star?explain=true")
    answer = _post(f"{api}/v1/classify/star?explain=true", json.dumps(dict(ROW)).encode(), "application/json")
    (result,) = answer["results"]
    for prediction in result["predictions"]:
        print(f"   {prediction['label']:<7} {prediction['probability']:8.4f}")
    best = result["predictions"][0]["label"]
    contributions = result["explanation"]["classes"][best]["contributions"]
    strongest = sorted(contributions.items(), key=lambda item: -abs(item[1]))[:3]
    print(f"   because of {', '.join(f'{name} ({value:+.2f})' for name, value in strongest)}")
    model = answer["model"]
    print(f"   {model['name']} {model['version']}, {result['variant']}, {answer['timing_ms']['total']} ms")


def _show_table(api: str) -> None:
    print(f"\n2. A table over HTTP: POST events/{TABLE.name} as text/csv")
    answer = _post(f"{api}/v1/classify/star", TABLE.read_bytes(), "text/csv")
    for result in answer["results"]:
        if "error" in result:
            print(f"   {result['id']:<16} refused: {result['error']['errors'][0]['reason']}")
        else:
            best = result["predictions"][0]
            print(f"   {result['id']:<16} {best['label']:<7} {best['probability']:.4f}  {result['variant']}")


def _show_drop(s3: str) -> None:
    key = f"star/demo/{TABLE.name}"
    print(f"\n3. The same table dropped: PUT s3://{DROP_BUCKET}/incoming/{key}")
    summary, seconds = _drop(s3, key, TABLE.read_bytes(), "text/csv")
    print(f"   result after {seconds:.1f} s: {json.dumps(summary['rows'])}")
    classified = csv.DictReader(io.StringIO(get(f"{s3}/{RESULTS_BUCKET}/{key}").decode()))
    for row in list(classified)[:3]:
        print(f"   {row['name']:<16} {row['skysort_class']:<7} {row['skysort_variant']}")
    rejected = csv.DictReader(io.StringIO(get(f"{s3}/{RESULTS_BUCKET}/{key}.rejected.csv").decode()))
    for row in rejected:
        print(f"   rejected row {row['row']}: {row['column']} {row['reason']}")


def _show_picture(number: int, api: str, model: str, picture: Path) -> None:
    url = f"{api}/v1/classify/{model}?explain=true&top_k=3"
    print(f"\n{number}. A picture: POST events/{picture.name} to /v1/classify/{model}?explain=true&top_k=3")
    answer = _post(url, picture.read_bytes(), JPEG)
    (result,) = answer["results"]
    for prediction in result["predictions"]:
        print(f"   {prediction['label']:<30} {prediction['probability']:8.4f}")
    print(f"   90 % prediction set: {', '.join(result['prediction_set']) or 'empty'}")
    explanation = result["explanation"]
    heat_map = base64.b64decode(explanation["heat_map"].partition(",")[2])
    if not heat_map.startswith(PNG):
        raise DemoError("the heat map is not a PNG")
    print(f"   heat map of {explanation['label']}: a PNG of {len(heat_map):,} bytes over {explanation['window']}")
    print(f"   {model} {answer['model']['version']}, {answer['timing_ms']['total']} ms")
    repeated = _post(url, picture.read_bytes(), JPEG)
    print(f"   once more: {repeated['timing_ms']['total']} ms{', cached' if repeated['results'][0]['cached'] else ''}")


def _show_dropped_picture(s3: str) -> None:
    key = f"image/demo/{PHOTOGRAPH.name}"
    print(f"\n6. A picture dropped: PUT s3://{DROP_BUCKET}/incoming/{key}")
    record, seconds = _drop(s3, key, PHOTOGRAPH.read_bytes(), JPEG)
    best = record["predictions"][0]
    print(f"   result after {seconds:.1f} s: {best['label']} {best['probability']:.4f}")


def _show_dropped_archive(s3: str) -> None:
    key = "galaxy/demo/survey.zip"
    print(f"\n7. A zip of galaxies and a text dropped: PUT s3://{DROP_BUCKET}/incoming/{key}")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for picture in GALAXIES:
            archive.write(picture, picture.name)
        archive.writestr("notes.txt", "seeing 1.2 arcsec")
    summary, seconds = _drop(s3, key, file.getvalue(), "application/zip")
    print(f"   result after {seconds:.1f} s: {summary['classified']} classified, {summary['refused']} refused")
    for row in csv.DictReader(io.StringIO(get(f"{s3}/{RESULTS_BUCKET}/{key}.csv").decode())):
        outcome = f"refused: {row['error']}" if row["error"] else f"{row['label']:<18} {float(row['probability']):.4f}"
        print(f"   {row['file']:<24} {outcome}")


def _drop(s3: str, key: str, content: bytes, content_type: str) -> tuple[Any, float]:
    """Drop a file and wait for its summary; returns it and the seconds elapsed."""
    started = time.monotonic()
    request = urllib.request.Request(
        f"{s3}/{DROP_BUCKET}/incoming/{key}", data=content, method="PUT", headers={"Content-Type": content_type}
    )
    urllib.request.urlopen(request, timeout=10).close()
    summary = json.loads(_wait_for(f"{s3}/{RESULTS_BUCKET}/{key}.json"))
    return summary, time.monotonic() - started


def _wait_for(url: str) -> bytes:
    deadline = time.monotonic() + RESULT_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            return get(url)
        except urllib.error.HTTPError:
            time.sleep(0.05)
    raise DemoError(f"no result at {url} within {RESULT_TIMEOUT_S:.0f} s")


def _post(url: str, body: bytes, content_type: str) -> Any:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


if __name__ == "__main__":
    sys.exit(main())
