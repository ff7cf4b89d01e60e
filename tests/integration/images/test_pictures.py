"""Dropped pictures and archives through the image function's drop handler, on moto's S3 and SQS."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from tests.factories import FakeContext, proxy_event
from tests.factories_images import encode, every_form, plain, render, tar_file, zip_file
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from tests.integration.images.conftest import Folder

RED, BLUE = encode(plain((250, 0, 0))), encode(plain((0, 0, 250)), "JPEG")


def test_every_form_gets_its_record_in_one_invocation(folder: Folder) -> None:
    # Given every form that is accepted, under names that S3 encodes, and a file that is none
    forms = every_form(render())
    for name, content in forms.items():
        folder.drop(f"night 1/{name} +é%41", content)
    folder.drop("night 1/notes.txt", b"seeing 0.9 arcsec")
    # When one batch brings them all (the first message is S3's greeting)
    assert folder.deliver() == []
    # Then each has exactly one outcome
    expected = {f"image/night 1/{name} +é%41.json" for name in forms} | {"image/night 1/notes.txt.error.json"}
    assert folder.results().keys() == expected
    assert folder.record("image/night 1/notes.txt.error.json")["status"] == 415
    record = folder.record("image/night 1/png +é%41.json")
    assert record["source"]["key"] == "incoming/image/night 1/png +é%41"
    assert record["predictions"][0].keys() == {"label", "class_id", "probability", "wordnet_id"}


def test_an_archive_gets_a_table_and_records_of_what_has_a_class(folder: Folder) -> None:
    members = {"a/red.png": RED, "blue.jpg": BLUE, "broken.gif": b"GIF89a"}
    folder.drop("b/pictures.zip", zip_file(members))
    folder.drop("b/pictures.tar.gz", tar_file(members))
    assert folder.deliver() == []
    for name in ("pictures.zip", "pictures.tar.gz"):
        assert folder.record(f"image/b/{name}/a/red.png.json")["predictions"][0]["label"] == "red"
        assert f"image/b/{name}/broken.gif.error.json" not in folder.results()
        table = list(csv.DictReader(folder.results()[f"image/b/{name}.csv"].decode().splitlines()))
        assert [line["label"] for line in table] == ["red", "blue", ""]
        assert folder.record(f"image/b/{name}.json")["classified"] == 2
    assert len(folder.results()) == 8


def test_a_delivery_of_yesterdays_messages_changes_nothing(folder: Folder) -> None:
    folder.drop("b/red.png", RED)
    folder.drop("b/all.zip", zip_file({"red.png": RED, "blue.jpg": BLUE}))
    messages = folder.messages()
    folder.deliver(*messages)
    before = folder.results()
    assert folder.deliver(*messages) == []
    assert folder.results() == before


def test_an_archive_dropped_anew_leaves_nothing_of_the_old_one(folder: Folder) -> None:
    folder.drop("b/all.zip", zip_file({"red.png": RED, "blue.jpg": BLUE}))
    folder.deliver()
    folder.drop("b/all.zip", zip_file({"blue.jpg": RED}))
    folder.deliver()
    assert folder.results().keys() == {f"image/b/all.zip{end}" for end in (".csv", ".json", "/blue.jpg.json")}
    assert folder.record("image/b/all.zip/blue.jpg.json")["predictions"][0]["label"] == "red"


def test_a_request_may_name_a_dropped_picture(folder: Folder) -> None:
    # Given a picture in the drop folder, above what a request may carry or not
    folder.drop("b/red.png", RED)
    keys = ["incoming/image/b/red.png", "incoming/image/b/none.png", "secret/key"]
    body = json.dumps({"instances": [{"s3_key": key} for key in keys]})
    # When a request names it
    response = load_function("image").handler(proxy_event(path="/v1/classify/image", body=body), FakeContext())
    # Then it is classified; other keys are their own errors
    found, absent, outside = json.loads(response["body"])["results"]
    assert (found["id"], found["predictions"][0]["label"]) == (keys[0], "red")
    assert (absent["error"]["status"], outside["error"]["status"]) == (404, 400)
