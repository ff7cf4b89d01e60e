"""Dropped pictures and archives through the image function's drop handler, on moto's S3 and SQS."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from tests.factories import FakeContext, proxy_event
from tests.factories_images import encode, every_form, plain, render, tar_file, zip_file
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from tests.integration.drop.conftest import Folder

RED, BLUE = encode(plain((250, 0, 0))), encode(plain((0, 0, 250)), "JPEG")


def test_every_form_gets_its_record_in_one_invocation(pictures: Folder) -> None:
    # Given every form that is accepted, under names that S3 encodes, and a file that is none
    forms = every_form(render())
    for name, content in forms.items():
        pictures.drop(f"incoming/image/night 1/{name} +é%41", content)
    pictures.drop("incoming/image/night 1/notes.txt", b"seeing 0.9 arcsec")
    # When one batch brings them all (the first message is S3's greeting)
    assert pictures.deliver() == []
    # Then each has exactly one outcome
    expected = {f"image/night 1/{name} +é%41.json" for name in forms} | {"image/night 1/notes.txt.error.json"}
    assert pictures.results().keys() == expected
    assert pictures.record("image/night 1/notes.txt.error.json")["status"] == 415
    record = pictures.record("image/night 1/png +é%41.json")
    assert record["source"]["key"] == "incoming/image/night 1/png +é%41"
    assert record["predictions"][0].keys() == {"label", "class_id", "probability", "wordnet_id"}


def test_an_archive_gets_a_table_and_records_of_what_has_a_class(pictures: Folder) -> None:
    members = {"a/red.png": RED, "blue.jpg": BLUE, "broken.gif": b"GIF89a"}
    pictures.drop("incoming/image/b/pictures.zip", zip_file(members))
    pictures.drop("incoming/image/b/pictures.tar.gz", tar_file(members))
    assert pictures.deliver() == []
    for name in ("pictures.zip", "pictures.tar.gz"):
        assert pictures.record(f"image/b/{name}/a/red.png.json")["predictions"][0]["label"] == "red"
        assert f"image/b/{name}/broken.gif.error.json" not in pictures.results()
        table = list(csv.DictReader(pictures.results()[f"image/b/{name}.csv"].decode().splitlines()))
        assert [line["label"] for line in table] == ["red", "blue", ""]
        assert pictures.record(f"image/b/{name}.json")["classified"] == 2
    assert len(pictures.results()) == 8


def test_a_delivery_of_yesterdays_messages_changes_nothing(pictures: Folder) -> None:
    pictures.drop("incoming/image/b/red.png", RED)
    pictures.drop("incoming/image/b/all.zip", zip_file({"red.png": RED, "blue.jpg": BLUE}))
    messages = pictures.messages()
    pictures.deliver(*messages)
    before = pictures.results()
    assert pictures.deliver(*messages) == []
    assert pictures.results() == before


def test_an_archive_dropped_anew_leaves_nothing_of_the_old_one(pictures: Folder) -> None:
    pictures.drop("incoming/image/b/all.zip", zip_file({"red.png": RED, "blue.jpg": BLUE}))
    pictures.deliver()
    pictures.drop("incoming/image/b/all.zip", zip_file({"blue.jpg": RED}))
    pictures.deliver()
    assert pictures.results().keys() == {f"image/b/all.zip{end}" for end in (".csv", ".json", "/blue.jpg.json")}
    assert pictures.record("image/b/all.zip/blue.jpg.json")["predictions"][0]["label"] == "red"


def test_a_request_may_name_a_dropped_picture(pictures: Folder) -> None:
    # Given a picture in the drop folder, above what a request may carry or not
    pictures.drop("incoming/image/b/red.png", RED)
    keys = ["incoming/image/b/red.png", "incoming/image/b/none.png", "secret/key"]
    body = json.dumps({"instances": [{"s3_key": key} for key in keys]})
    # When a request names it
    response = load_function("image").handler(proxy_event(path="/v1/classify/image", body=body), FakeContext())
    # Then it is classified; other keys are their own errors
    found, absent, outside = json.loads(response["body"])["results"]
    assert (found["id"], found["predictions"][0]["label"]) == (keys[0], "red")
    assert (absent["error"]["status"], outside["error"]["status"]) == (404, 400)
