"""Uploads as a browser and a command line do them, and what becomes of them, on the started stack."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from skysort.limits import UPLOAD_FORM_BYTES
from tests.factories_images import zip_file

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

EVENTS = Path(__file__).resolve().parents[2] / "events"
SPIRAL = (EVENTS / "galaxy_spiral.jpg").read_bytes()
TIMEOUT_S = 60


def offer(api: httpx.Client, model: str, batch: str, files: dict[str, bytes], **more: Any) -> list[dict[str, Any]]:
    wanted = [{"name": name, "size": len(content), **more} for name, content in files.items()]
    answer = api.post("/v1/uploads", json={"model": model, "batch": batch, "files": wanted})
    assert answer.status_code == 200, answer.text
    offered: list[dict[str, Any]] = answer.json()["files"]
    return offered


def post(file: dict[str, Any], content: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        file["form"]["url"], data=file["form"]["fields"], files={"file": (file["name"], content)}, headers=headers
    )


def finished(api: httpx.Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_S
    while (answer := api.get(path).json())["progress"] < 1:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    status: dict[str, Any] = answer
    return status


def test_a_folder_of_pictures_from_forms_to_one_csv(api: httpx.Client) -> None:
    # Given a folder with pictures of awkward names, a text and an archive
    folder = {
        "field 7/ü+&%.jpg": SPIRAL,
        "field 7/notes.jpg": b"not a picture",
        "survey.zip": zip_file({"m1.jpg": SPIRAL, "m2.txt": b"text"}),
    }
    # When all of it is uploaded as offered
    for file, content in zip(offer(api, "galaxy", "folder 1", folder), folder.values(), strict=True):
        assert post(file, content).status_code == 204
    # Then every file comes to its outcome
    status = finished(api, "/v1/batches/folder%201?records=true")
    assert status["counts"] == {"total": 3, "waiting": 0, "done": 2, "failed": 1}
    files = {file["name"]: file for file in status["files"]}
    assert files["survey.zip"]["members"] == {"done": 1, "failed": 1}
    assert files["field 7/notes.jpg"]["problem"]["status"] == 415
    # And its links lead to its results
    picture = files["field 7/ü+&%.jpg"]
    assert httpx.get(picture["links"]["record"]).json()["predictions"] == picture["record"]["predictions"]
    # And one CSV has a line for each picture
    here = api.base_url.join("/v1/batches/folder%201")
    table = api.get(here.join(status["links"]["csv"]))
    assert table.headers["content-disposition"] == "attachment; filename*=UTF-8''folder%201.csv"
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [(row["file"], row["label"]) for row in rows] == [
        ("field 7/notes.jpg", ""),
        ("field 7/ü+&%.jpg", "Unbarred Spiral"),
        ("survey.zip/m1.jpg", "Unbarred Spiral"),
        ("survey.zip/m2.txt", ""),
    ]
    # Below a stage, too, as at the API's own address in AWS: links stay there, and so do those of the documentation
    for path, link in (("/v1/batches/folder%201", status["links"]["csv"]), ("/docs", "openapi.json")):
        below = api.get(f"/local{path}")
        followed = api.get(below.url.join(link))
        assert (below.status_code, followed.status_code) == (200, 200)
        assert followed.url.path.startswith("/local/")
    assert followed.json()["servers"] == [{"url": "."}]


def test_a_large_table_in_parts_resumed_after_a_failure(api: httpx.Client) -> None:
    # Given a table of two parts
    row = b"19.1,18.2,17.7,17.5,17.4," + b"x" * 1_000 + b"\n"
    table = b"u,g,r,i,z,remark\n" + row * (UPLOAD_FORM_BYTES // len(row) + 1_000)
    (file,) = offer(api, "star", "two parts", {"t.csv": table})
    first, second = file["parts"]["parts"]
    # When the second part fails, and the upload is resumed by its id
    answer = httpx.put(first["url"], content=table[: first["size"]])
    assert answer.status_code == 200
    (again,) = offer(api, "star", "two parts", {"t.csv": table}, upload_id=file["parts"]["upload_id"])
    etags = [part["etag"] for part in again["parts"]["parts"]]
    assert etags == [answer.headers["etag"], None]
    etags[1] = httpx.put(again["parts"]["parts"][1]["url"], content=table[first["size"] :]).headers["etag"]
    assert second["size"] == len(table) - first["size"]
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
    )
    done = httpx.post(
        again["parts"]["complete_url"],
        content=f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>",
        headers={"Content-Type": "application/xml"},
    )
    assert done.status_code == 200, done.text
    # Then the table is classified whole
    (told,) = finished(api, "/v1/batches/two%20parts?records=true&model=star")["files"]
    assert told["size"] == len(table)
    assert told["record"]["rows"]["classified"] == table.count(b"\n") - 1


def test_an_upload_that_is_given_up_leaves_nothing(api: httpx.Client) -> None:
    (file,) = offer(api, "star", "given-up", {"t.csv": bytes(UPLOAD_FORM_BYTES + 1)})
    assert httpx.delete(file["parts"]["abort_url"]).status_code == 204
    assert api.get("/v1/batches/given-up").status_code == 404


@pytest.mark.parametrize("bucket", ["skysort-drop-local", "skysort-results-local"])
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_a_browser_on_the_page_may_use_the_buckets(stack: StartedStack, bucket: str, method: str) -> None:
    # When a browser asks before a request from the page, and from a page elsewhere
    def preflight(origin: str) -> httpx.Response:
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
        return httpx.options(f"{stack.s3}/{bucket}/incoming/star/b/t.csv", headers={"Origin": origin, **asked})

    allowed = preflight(stack.api)
    # Then only the page may
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == stack.api
    assert method in allowed.headers["access-control-allow-methods"]
    assert preflight("https://elsewhere.example").status_code == 403


def test_the_page_may_read_a_parts_etag(api: httpx.Client, stack: StartedStack) -> None:
    content = bytes(UPLOAD_FORM_BYTES + 1)
    (file,) = offer(api, "star", "etag", {"t.csv": content})
    part = file["parts"]["parts"][1]
    answer = httpx.put(part["url"], content=b"\x00", headers={"Origin": stack.api})
    assert answer.headers["access-control-allow-origin"] == stack.api
    assert "ETag" in answer.headers["access-control-expose-headers"]
    httpx.delete(file["parts"]["abort_url"])
