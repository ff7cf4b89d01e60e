"""A decoder that raises over one picture, on every way that a picture comes: the others are answered."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.drop.ledger import Outcome
from skysort.pictures.formats.loaders import load
from skysort_cli.main import main
from tests.factories import FakeContext, proxy_event
from tests.factories_images import encode, multipart, plain, zip_file
from tests.reader_faults import READER_FAULTS
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from pathlib import Path

    from skysort.drop.worker import DropWorker
    from tests.fakes.object_store import MemoryStore

pytestmark = [pytest.mark.usefixtures("own_metrics"), pytest.mark.parametrize("fault", READER_FAULTS)]

RED, BLUE = (encode(plain(colour)) for colour in ((250, 0, 0), (0, 0, 250)))
BAD = encode(plain((0, 250, 0)))
PICTURES = {"a.png": RED, "bad.png": BAD, "z.png": BLUE}


@pytest.fixture(autouse=True)
def _a_decoder_raises(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the one picture; innermost, where a format's own reader stands."""

    def stumble(content: bytes, *given: Any) -> Any:
        if content == BAD:
            raise READER_FAULTS[fault]
        return load(content, *given)

    monkeypatch.setattr("skysort.pictures.decode.load", stumble)


def test_in_a_form(fault: str, image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setenv("SKYSORT_IMAGE_MODEL", str(image_folder))
    body, content_type = multipart([("file", name, content) for name, content in PICTURES.items()])

    # When
    event = proxy_event(body=body, headers={"Content-Type": content_type}, path="/v1/classify/image")
    response = load_function("image").handler(event, FakeContext())

    # Then
    assert response["statusCode"] == 200
    first, bad, last = json.loads(response["body"])["results"]
    assert (first["predictions"][0]["label"], last["predictions"][0]["label"]) == ("red", "blue")
    assert bad["error"]["status"] == (413 if fault == "MemoryError" else 400)


def test_alone_in_the_drop_folder(fault: str, store: MemoryStore, worker: DropWorker) -> None:
    outcome, report = worker.process(store.upload("incoming/image/b/bad.png", BAD))
    assert outcome is Outcome.REFUSED
    assert ("memory" in report.summary["error"]) == (fault == "MemoryError")
    assert "image/b/bad.png.error.json" in store.listing()


def test_in_an_archive(fault: str, store: MemoryStore, worker: DropWorker) -> None:
    # When
    worker.process(store.upload("incoming/image/b/all.zip", zip_file(PICTURES)))

    # Then
    lines = list(csv.DictReader(store.listing()["image/b/all.zip.csv"].decode().splitlines()))
    assert [line["label"] for line in lines] == ["red", "", "blue"]
    assert lines[1]["error"], fault
    assert json.loads(store.listing()["image/b/all.zip.json"])["refused"] == 1


def test_on_the_command_line(
    fault: str, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a folder of pictures
    monkeypatch.setenv("SKYSORT_IMAGE_MODEL", str(image_folder))
    for name, content in PICTURES.items():
        (tmp_path / name).write_bytes(content)

    # When
    code = main(["classify", "image", str(tmp_path)])

    # Then
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [one.get("predictions", [{}])[0].get("label") for one in found] == ["red", None, "blue"]
    assert found[1]["error"]["status"] == (413 if fault == "MemoryError" else 400)
    assert "bad.png" in err
    assert "Traceback" not in err
