"""Dropped pictures and archives: one record a picture, one table an archive, whatever happens on the way."""

from __future__ import annotations

import csv
import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from PIL import ImageCms

from skysort.drop.batch import process_batch
from skysort.drop.ledger import Outcome
from skysort.errors import InfrastructureError, LimitExceededError
from skysort.limits import ARCHIVE_MEMBERS, ARCHIVE_REFUSALS_LISTED
from skysort.options import parse_options
from skysort.pictures import files as module
from skysort.pictures.classify import PictureClassifier
from tests.factories import FakeContext
from tests.factories_images import encode, every_form, plain, render, tar_file, zip_file
from tests.fakes.events import FakeMessages, message, sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.drop.worker import DropWorker
    from skysort.pictures.model import PictureModel
    from tests.fakes.object_store import MemoryStore

pytestmark = pytest.mark.usefixtures("own_metrics")

RED, GREEN, BLUE = (encode(plain(colour)) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250)))
PICTURE = "incoming/image/b/red.png"
ARCHIVE = "incoming/image/b/all.zip"
MEMBERS = {"red.png": RED, "deep/green.png": GREEN, "broken.jpg": b"\xff\xd8\xffbroken", ".DS_Store": b"x"}
RECORDS = {
    "image/b/all.zip.csv",
    "image/b/all.zip.json",
    "image/b/all.zip/red.png.json",
    "image/b/all.zip/deep/green.png.json",
}


def record(store: MemoryStore, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(store.listing()[key])
    return document


def test_a_picture_gets_the_answer_that_http_gives(
    store: MemoryStore, worker: DropWorker, image_model: PictureModel
) -> None:
    # Given the answer over HTTP, and the same picture dropped
    (expected,), _, _ = PictureClassifier(image_model).classify_pictures([RED], parse_options({}, image_model.labels))
    assert isinstance(expected, dict)
    upload = store.upload(PICTURE, RED)
    # When it is classified
    assert worker.process(upload)[0] is Outcome.CLASSIFIED
    # Then its record has the same fields, and says what was classified by what
    found = record(store, "image/b/red.png.json")
    assert {key: found[key] for key in expected} == expected
    assert found["id"] == "red.png"
    assert found["model"] == {"name": "image", "version": "0.1.0"}
    assert found["source"]["key"] == PICTURE
    assert found["timing_ms"].keys() == {"decode", "predict"}
    assert set(store.listing()) == {"image/b/red.png.json"}


@pytest.mark.parametrize("form", every_form(render()))
def test_every_form_may_be_dropped(form: str, store: MemoryStore, worker: DropWorker) -> None:
    assert worker.process(store.upload(PICTURE, every_form(render())[form]))[0] is Outcome.CLASSIFIED


@pytest.mark.parametrize("content", [b"", b"hello", RED[:60], zip_file({}), tar_file({}), zip_file({"a/": b""})])
def test_what_can_never_succeed_gets_one_error_record(content: bytes, store: MemoryStore, worker: DropWorker) -> None:
    assert worker.process(store.upload(PICTURE, content))[0] is Outcome.REFUSED
    assert set(store.listing()) == {"image/b/red.png.error.json"}
    assert record(store, "image/b/red.png.error.json")["detail"]


def test_a_picture_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IMAGE_BYTES", 10)
    read = count()
    with pytest.raises(LimitExceededError):
        module._read_all(bytes(4) for _ in iter(lambda: next(read), 100))
    assert next(read) == 3


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_an_archive_gets_a_table_and_records_of_what_has_a_class(
    pack: Any, store: MemoryStore, worker: DropWorker
) -> None:
    # When an archive is dropped
    outcome, report = worker.process(store.upload(ARCHIVE, pack(MEMBERS)))
    # Then every member that can be classified has its record
    assert outcome is Outcome.CLASSIFIED
    assert set(store.listing()) == RECORDS
    red = record(store, "image/b/all.zip/red.png.json")
    assert (red["predictions"][0]["label"], red["source"]["member"]) == ("red", "red.png")
    assert (red["source"]["key"], red["model"]["name"]) == (ARCHIVE, "image")
    # and the table a line each, in the archive's order
    lines = list(csv.DictReader(store.listing()["image/b/all.zip.csv"].decode().splitlines()))
    assert [line["file"] for line in lines] == ["red.png", "deep/green.png", "broken.jpg"]
    assert [line["label"] for line in lines] == ["red", "green", ""]
    assert "truncated" in lines[2]["error"]
    # and the summary the sums, written last
    summary = record(store, "image/b/all.zip.json")
    assert (summary["members"], summary["classified"], summary["refused"]) == (3, 2, 1)
    assert summary["labels"] == {"green": 1, "red": 1}
    assert summary["refusals"] == [{"member": "broken.jpg", "detail": lines[2]["error"]}]
    assert report.counts == {"Pictures": 2, "PicturesRefused": 1, "Label: red": 1, "Label: green": 1}
    assert store.writes[-2:] == ["image/b/all.zip.csv", "image/b/all.zip.json"]


def test_a_second_delivery_changes_nothing(store: MemoryStore, worker: DropWorker) -> None:
    upload = store.upload(ARCHIVE, zip_file(MEMBERS))
    worker.process(upload)
    before = dict(store.objects)
    assert worker.process(upload)[0] is Outcome.DUPLICATE
    assert store.objects == before


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (
            zip_file({"blue.png": BLUE, "red.png": b"broken"}),
            {"all.zip.csv", "all.zip.json", "all.zip/blue.png.json"},
        ),
        (RED, {"all.zip.json"}),
        (zip_file(MEMBERS)[:200], {"all.zip.error.json"}),
    ],
    ids=["other members", "a picture", "a broken archive"],
)
def test_a_new_upload_leaves_nothing_of_the_old_one(
    content: bytes, records: set[str], store: MemoryStore, worker: DropWorker
) -> None:
    worker.process(store.upload(ARCHIVE, zip_file(MEMBERS)))
    worker.process(store.upload(ARCHIVE, content))
    assert set(store.listing()) == {f"image/b/{name}" for name in records}


def test_an_older_upload_that_comes_late_changes_nothing(store: MemoryStore, worker: DropWorker) -> None:
    older, newer = (store.upload(ARCHIVE, zip_file(members)) for members in (MEMBERS, {"blue.png": BLUE}))
    worker.process(newer)
    before = store.listing()
    assert worker.process(older)[0] is Outcome.SUPERSEDED
    assert store.listing() == before


def test_a_member_of_a_newer_upload_stops_the_older_one(store: MemoryStore, worker: DropWorker) -> None:
    """Both at once: the newer one has written a member, not yet its summary."""
    older, newer = (store.upload(ARCHIVE, zip_file(MEMBERS)) for _ in "12")
    worker.process(newer)
    for suffix in (".json", ".csv"):
        store.remove(f"image/b/all.zip{suffix}", "results")
    before = store.listing()
    assert worker.process(older)[0] is Outcome.SUPERSEDED
    assert store.listing().items() >= before.items()


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_a_kill_at_any_point_is_made_good_by_the_next_delivery(
    pack: Any, store: MemoryStore, worker: DropWorker
) -> None:
    # Given an older archive that stands in the way
    worker.process(store.upload(ARCHIVE, zip_file({"old.png": RED, "red.png": BLUE})))
    upload = store.upload(ARCHIVE, pack(MEMBERS))
    # When every delivery dies one operation later than the one before
    for allowed in count():
        left = iter(range(allowed))

        def die(operation: str, _key: str, left: Iterator[int] = left) -> None:
            if operation != "read" and next(left, None) is None:
                raise InfrastructureError("killed")

        store.before = die
        try:
            outcome, _ = worker.process(upload)
        except InfrastructureError:
            continue
        # Then one gets through in the end, and nothing else is left
        assert outcome in {Outcome.CLASSIFIED, Outcome.DUPLICATE}
        break
    assert set(store.listing()) == RECORDS
    assert record(store, "image/b/all.zip/red.png.json")["predictions"][0]["label"] == "red"


def test_a_fault_is_not_the_members(store: MemoryStore, worker: DropWorker) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "put" and "green" in key:
            raise InfrastructureError("S3 is away")

    store.before = fail
    with pytest.raises(InfrastructureError):
        worker.process(store.upload(ARCHIVE, zip_file(MEMBERS)))
    assert "image/b/all.zip.json" not in store.listing()


def test_ten_thousand_members_of_a_byte_cost_no_write_each(store: MemoryStore, worker: DropWorker) -> None:
    # Given as many members as an archive may have, none of them a picture
    upload = store.upload(ARCHIVE, zip_file({f"{number:05}.jpg": b"x" for number in range(ARCHIVE_MEMBERS)}))
    asked: list[str] = []
    store.before = lambda operation, _: asked.append(operation)
    # When it is classified
    assert worker.process(upload)[0] is Outcome.CLASSIFIED
    # Then two objects are written, its table and its summary, and the members cost nothing
    assert store.writes == ["image/b/all.zip.csv", "image/b/all.zip.json"]
    assert len(asked) < 30
    # and the table has them all, the summary the first
    summary = record(store, "image/b/all.zip.json")
    assert (summary["members"], summary["refused"]) == (ARCHIVE_MEMBERS, ARCHIVE_MEMBERS)
    assert len(summary["refusals"]) == ARCHIVE_REFUSALS_LISTED
    assert store.listing()["image/b/all.zip.csv"].count(b"\r\n") == ARCHIVE_MEMBERS + 1


def test_a_member_refused_now_leaves_no_record_of_when_it_was_classified(
    store: MemoryStore, worker: DropWorker
) -> None:
    worker.process(store.upload(ARCHIVE, zip_file({"=1.png": RED, "b.png": RED})))
    assert "image/b/all.zip/=1.png.json" in store.listing()
    worker.process(store.upload(ARCHIVE, zip_file({"=1.png": b"x", "b.png": RED})))
    assert set(store.listing()) == {"image/b/all.zip.csv", "image/b/all.zip.json", "image/b/all.zip/b.png.json"}


def test_a_members_name_is_no_formula_in_the_table(store: MemoryStore, worker: DropWorker) -> None:
    worker.process(store.upload(ARCHIVE, zip_file({"=cmd|'/c calc'!A1.png": RED, "@SUM(A1).png": b"x"})))
    lines = list(csv.DictReader(store.listing()["image/b/all.zip.csv"].decode().splitlines()))
    assert [line["file"] for line in lines] == ["'=cmd|'/c calc'!A1.png", "'@SUM(A1).png"]


def test_what_was_done_to_members_is_counted_in_the_archives_summary(store: MemoryStore, worker: DropWorker) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    odd = encode(plain((250, 0, 0)), icc_profile=profile)
    worker.process(store.upload(ARCHIVE, zip_file({"a.png": odd, "b.png": odd + b"!", "c.png": RED})))
    summary = record(store, "image/b/all.zip.json")
    (warning,) = summary["warnings"]
    assert warning["rows"] == 2
    assert warning.keys() == {"code", "detail", "rows"}
    assert record(store, "image/b/all.zip/a.png.json")["warnings"][0]["code"] == warning["code"]


def test_names_too_long_for_a_key_are_cut_and_told_apart(store: MemoryStore, worker: DropWorker) -> None:
    long = "n" * 1_200
    worker.process(store.upload(ARCHIVE, zip_file({long + "1.png": RED, long + "2.png": BLUE})))
    members = [key for key in store.listing() if key.startswith("image/b/all.zip/")]
    assert len(members) == 2
    assert all(len(key.encode()) <= 1_024 for key in members)


def test_many_messages_are_worked_on_side_by_side(store: MemoryStore, worker: DropWorker) -> None:
    # Given twenty pictures, one of them broken, one met by a fault
    uploads = [store.upload(f"incoming/image/b/{number}.png", RED) for number in range(18)]
    uploads += [store.upload("incoming/image/b/broken.png", RED[:50]), store.upload("incoming/image/b/faulty.png", RED)]

    def fail(operation: str, key: str) -> None:
        if operation == "read" and "faulty" in key:
            raise InfrastructureError("S3 is away")

    store.before = fail
    # When one batch brings them all
    event = sqs_event([message(upload) for upload in uploads])
    answer: Any = process_batch(event, FakeContext(), worker, FakeMessages(), handler="-", parallel=8)  # type: ignore[arg-type]
    # Then only the faulty one comes again
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["message-19"]
    assert len(store.listing()) == 19


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_a_member_named_like_anothers_error_record_has_a_record_of_its_own(
    pack: Any, store: MemoryStore, worker: DropWorker
) -> None:
    # Given a member, another one whose summary would be its error record, and one called as that one will be
    members = {"a": RED, "a.error": RED, "a.error~2": RED, "d/.error": RED}
    # When the archive is classified
    worker.process(store.upload(ARCHIVE, pack(members)))
    # Then each has its own record, under the name that the table tells
    lines = list(csv.DictReader(store.listing()["image/b/all.zip.csv"].decode().splitlines()))
    assert [line["file"] for line in lines] == ["a", "a.error~2", "a.error~2~2", "d/.error~2"]
    found = {key.removeprefix("image/b/all.zip/") for key in store.listing() if key.startswith("image/b/all.zip/")}
    assert found == {"a.json", "a.error~2.json", "a.error~2~2.json", "d/.error~2.json"}


def test_members_that_go_take_no_others_record_with_them(store: MemoryStore, worker: DropWorker) -> None:
    # Given an archive with such a member, and a newer one with the member that it is named after
    worker.process(store.upload(ARCHIVE, zip_file({"a.error": RED})))
    worker.process(store.upload(ARCHIVE, zip_file({"a": RED})))
    # Then the newer one's record stands, and nothing of the older one
    assert set(store.listing()) == {
        "image/b/all.zip.csv",
        "image/b/all.zip.json",
        "image/b/all.zip/a.json",
    }
