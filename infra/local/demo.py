"""`make demo`: start the stack, classify real objects in each way it offers, show the answers, stop.

Exit code 0 means that every answer came and was right in form.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final

from infra.local.started import ROOT, StackError, get, started_stack

TABLE: Final = ROOT / "events" / "stars.csv"
# The first object of SDSS17, as its catalogue has it.
ROW: Final = {
    "alpha": 135.6891066,
    "delta": 32.49463184,
    "u": 23.87882,
    "g": 22.2753,
    "r": 20.39501,
    "i": 19.16573,
    "z": 18.79371,
    "redshift": 0.6347936,
}
RESULT_TIMEOUT_S: Final = 30.0
DROP_BUCKET: Final = "skysort-drop-local"
RESULTS_BUCKET: Final = "skysort-results-local"


class DemoError(Exception):
    """The demonstration did not go as it should; the message says where."""


def main() -> int:
    """Run the demonstration against a stack of its own on free ports."""
    print("starting the stack", flush=True)
    try:
        with started_stack() as stack:
            print(f"ready after {stack.start_s:.1f} s", flush=True)
            _show_row(stack.api)
            _show_table(stack.api)
            _show_drop(stack.s3)
    except (DemoError, StackError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("\nAll of it worked, and the stack stopped.")
    return 0


def _show_row(api: str) -> None:
    print("\n1. One object: POST /v1/classify/star?explain=true")
    answer = _post(f"{api}/v1/classify/star?explain=true", json.dumps(ROW).encode(), "application/json")
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
    started = time.monotonic()
    request = urllib.request.Request(
        f"{s3}/{DROP_BUCKET}/incoming/{key}",
        data=TABLE.read_bytes(),
        method="PUT",
        headers={"Content-Type": "text/csv"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    summary = json.loads(_wait_for(f"{s3}/{RESULTS_BUCKET}/{key}.json"))
    print(f"   result after {time.monotonic() - started:.1f} s: {json.dumps(summary['rows'])}")
    classified = csv.DictReader(io.StringIO(get(f"{s3}/{RESULTS_BUCKET}/{key}").decode()))
    for row in list(classified)[:3]:
        print(f"   {row['name']:<16} {row['skysort_class']:<7} {row['skysort_variant']}")
    rejected = csv.DictReader(io.StringIO(get(f"{s3}/{RESULTS_BUCKET}/{key}.rejected.csv").decode()))
    for row in rejected:
        print(f"   rejected row {row['row']}: {row['column']} {row['reason']}")


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
