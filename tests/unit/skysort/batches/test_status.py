"""The answer about a batch: counts, pages, links, problems."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, cast

import pytest

from skysort.batches.match import State
from skysort.batches.status import BatchStatusService, Cursor, Page
from skysort.errors import InvalidFieldsError, NotFoundError
from skysort.limits import BATCH_RECORD_BYTES, BATCH_STATUS_BYTES
from tests.fakes.buckets import RESULTS, MemoryBuckets
from tests.unit.skysort.batches.conftest import make_service

if TYPE_CHECKING:
    from typing import Any


def pages(service: BatchStatusService, **asked: Any) -> list[dict[str, Any]]:
    """Every page of a batch."""
    found: list[dict[str, Any]] = []
    following: str | None = None
    while not found or following:
        found.append(cast("dict[str, Any]", service.status("b", Page(cursor=Cursor.decode(following), **asked))))
        following = found[-1]["next"]
    return found


def test_counts_are_by_model_and_in_total(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    buckets.drop("galaxy", "b", "1.jpg", "2.jpg", "3.jpg")
    buckets.drop("star", "b", "t.csv")
    buckets.drop("star", "another", "t.csv")
    buckets.finish("galaxy", "b", "1.jpg")
    buckets.fail("galaxy", "b", "2.jpg")
    # When
    answer = service.status("b", Page())
    # Then
    assert answer["counts"] == {"total": 4, "waiting": 2, "done": 1, "failed": 1}
    assert answer["models"]["galaxy"] == {"total": 3, "waiting": 1, "done": 1, "failed": 1}
    assert answer["models"].keys() == {"galaxy", "star"}
    assert (answer["progress"], answer["complete"], answer["next"]) == (0.5, True, None)
    assert answer["links"] == {"csv": "/v1/batches/b/results.csv"}


def test_a_batch_has_its_clients_trained_models_too(buckets: MemoryBuckets) -> None:
    # Given files for a shipped model, a trained one, and a trained one that was deleted
    for model in ("galaxy", "custom/rings", "custom/gone"):
        buckets.drop(model, "b", "1.jpg")
    buckets.finish("custom/rings", "b", "1.jpg")
    service = make_service(buckets, trained=("custom/rings",))
    # Then
    answer = service.status("b", Page())
    assert answer["models"].keys() == {"galaxy", "custom/rings"}
    assert answer["counts"]["done"] == 1
    page = service.status("b", Page(limit=1))
    assert [file["model"] for file in page["files"]] == ["custom/rings"]
    rest = service.status("b", Page(cursor=Cursor.decode(page["next"])))
    assert [file["model"] for file in rest["files"]] == ["galaxy"]
    # And by name
    assert service.status("b", Page(model="custom/gone"))["counts"]["total"] == 1
    assert service.status("b", Page(model="custom/rings"))["links"] == {
        "csv": "/v1/batches/b/results.csv?model=custom%2Frings"
    }


def test_examples_for_a_training_are_listed_by_name_alone(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given pictures uploaded for a training, in a folder a class
    buckets.drop("training", "b", "poodle/1.jpg", "beagle/1.jpg")
    # Then an interrupted upload finds what is there
    found = service.status("b", Page(model="training"))["files"]
    assert [file["name"] for file in found] == ["beagle/1.jpg", "poodle/1.jpg"]
    # And a batch of files to be classified has none of them
    with pytest.raises(NotFoundError):
        service.status("b", Page())


def test_a_failed_file_comes_with_its_problem_and_a_link(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    buckets.drop("galaxy", "b", "a b.jpg")
    buckets.fail("galaxy", "b", "a b.jpg", "the content is text")
    # When
    (file,) = service.status("b", Page())["files"]
    # Then
    assert file["problem"] == {"type": "urn:x", "detail": "the content is text"}
    (link,) = file["links"].values()
    assert str(link).startswith("https://results.s3.eu-central-1.amazonaws.com/galaxy/b/a%20b.jpg.error.json?X-Amz-")


def test_records_come_on_request(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    buckets.drop("galaxy", "b", "1.jpg")
    buckets.finish("galaxy", "b", "1.jpg", {"predictions": [{"label": "Smooth Round"}]})
    # Then nothing is read for a page without them
    assert "record" not in service.status("b", Page())["files"][0]
    assert "read" not in buckets.requests
    (file,) = service.status("b", Page(records=True))["files"]
    assert file["record"] == {"predictions": [{"label": "Smooth Round"}]}


def test_a_record_that_went_meanwhile_spoils_nothing(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    buckets.drop("galaxy", "b", "1.jpg")
    buckets.put(RESULTS, "galaxy/b/1.jpg.json", b"not JSON")
    (file,) = service.status("b", Page(records=True))["files"]
    assert file["record"] == {}


def test_an_archive_tells_how_many_members_it_had(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    buckets.drop("galaxy", "b", "survey.zip")
    buckets.put(RESULTS, "galaxy/b/survey.zip.csv")
    buckets.finish("galaxy", "b", "survey.zip", {"classified": 9_000, "refused": 12})
    # Then
    (file,) = service.status("b", Page())["files"]
    assert file["members"] == {"done": 9_000, "failed": 12}
    assert file["links"].keys() == {"table", "record"}


def test_how_typical_the_whole_is_comes_with_the_records_that_are_read(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    # Given 30 pictures unlike those of the tests, an archive of good ones, a table, and a file without a class
    odd = [f"{number}.jpg" for number in range(30)]
    buckets.drop("galaxy", "b", *odd, "bad.jpg", "good.zip")
    for name in odd:
        buckets.finish("galaxy", "b", name, {"typicality": 0.001, "in_domain": False})
    buckets.fail("galaxy", "b", "bad.jpg", "broken")
    buckets.put(RESULTS, "galaxy/b/good.zip.csv")
    good: dict[str, Any] = {"measured": 10, "in_domain": 10, "mean": 0.5}
    buckets.finish("galaxy", "b", "good.zip", {"classified": 10, "refused": 0, "typicality": good})
    buckets.drop("star", "b", "t.csv")
    buckets.finish("star", "b", "t.csv", {"typicality": {"measured": 100, "in_domain": 99, "mean": 0.4}})

    def whole(page: Page) -> tuple[int, int, bool, str] | None:
        share = service.status("b", page)["typicality"]
        return share and (share["measured"], share["in_domain"], share["usual"], share["detail"].partition(";")[0])

    # Then a page with records counts all of them, and one without those of archives, which it reads anyway
    outside = "30 of 40 pictures do not look like what the model was tested on"
    assert whole(Page(records=True, model="galaxy")) == (40, 10, False, outside)
    assert whole(Page(model="galaxy")) == (10, 10, True, "all 10 pictures look like what the model was tested on")
    of_all = "31 of 140 items do not look like what the model was tested on"
    assert whole(Page(records=True)) == (140, 109, False, of_all)
    assert whole(Page(model="star")) is None


UNREADABLE: list[Any] = [
    {"measured": 1},
    {"measured": -1, "in_domain": -2, "mean": 0.5},
    {"measured": 2, "in_domain": 1, "mean": float("nan")},
    {"measured": 10**400, "in_domain": 1, "mean": 0.5},
    {"measured": "x", "in_domain": [], "mean": {}},
    *([], "0.5", 7, 10**400, float("nan")),
]


@pytest.mark.parametrize("typicality", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_typicality_that_skysort_did_not_write_is_left_out(
    buckets: MemoryBuckets, service: BatchStatusService, typicality: Any
) -> None:
    buckets.drop("galaxy", "b", "1.jpg")
    buckets.finish("galaxy", "b", "1.jpg", {"typicality": typicality})
    assert service.status("b", Page(records=True))["typicality"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("files", [2, 1_000])
def test_pages_tell_every_file_once(buckets: MemoryBuckets, limit: int, files: int) -> None:
    # Given files of two models, more than one answer counts, or not
    service = make_service(buckets, files=files)
    expected = [("galaxy", f"{n}.jpg") for n in range(5)] + [("star", f"{n}.csv") for n in range(3)]
    for model, name in expected:
        buckets.drop(model, "b", name)
    # When
    found = pages(service, limit=limit)
    # Then
    assert [(file["model"], file["name"]) for page in found for file in page["files"]] == expected
    assert found[0]["complete"] is (files > 5)


def test_counts_of_a_batch_larger_than_one_answer_can_be_added_up(buckets: MemoryBuckets) -> None:
    # Given
    service = make_service(buckets, files=3)
    buckets.drop("galaxy", "b", *(f"{n}.jpg" for n in range(7)))
    buckets.drop("star", "b", "t.csv")
    # When only counts are asked for
    found = pages(service, limit=0)
    # Then each answer counts what the others leave out
    assert [page["counts"]["total"] for page in found] == [3, 3, 2]
    assert [page["complete"] for page in found] == [False, False, True]


def test_only_files_in_one_state_or_of_one_model(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    buckets.drop("galaxy", "b", *(f"{n}.jpg" for n in range(6)))
    buckets.drop("image", "b", "x.jpg")
    buckets.fail("galaxy", "b", "2.jpg")
    buckets.fail("galaxy", "b", "4.jpg")
    # Then counts stay whole, pages go on where the last matching file was
    found = pages(service, limit=1, state=State.FAILED)
    assert [file["name"] for page in found for file in page["files"]] == ["2.jpg", "4.jpg"]
    assert found[0]["counts"]["total"] == 7
    assert service.status("b", Page(model="image"))["counts"]["total"] == 1


def test_a_batch_without_files_is_not_found(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    buckets.drop("galaxy", "another", "1.jpg")
    with pytest.raises(NotFoundError, match="unknown batch 'b'"):
        service.status("b", Page())
    with pytest.raises(NotFoundError, match="unknown batch star/'another'"):
        service.status("another", Page(model="star"))


def cursor_text(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        *("!", "AAAA", "W10", "WzEsMiwzXQ", "ü", "x" * 4_000),
        *(cursor_text("a", "b", row) for row in (-1, 0.5, True, 10**30)),
        cursor_text("galaxy", "\ud800", 0),
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldsError, match="an earlier answer"):
        Cursor.decode(text)


def test_a_cursor_comes_back_as_it_was() -> None:
    for cursor in (Cursor(), Cursor("galaxy", "ü/\u202e \x00.jpg", 7)):
        assert Cursor.decode(cursor.encode()) == cursor


def test_an_answer_about_files_with_long_records_ends_where_there_is_no_more_room(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    # Given failures whose reasons are longer together than an answer may be, and a record larger than any of skysort's
    names = [f"{number}.jpg" for number in range(8)]
    buckets.drop("galaxy", "b", *names, "large.jpg")
    for name in names:
        buckets.fail("galaxy", "b", name, "x" * (BATCH_STATUS_BYTES // 4))
    buckets.put(RESULTS, "galaxy/b/large.jpg.error.json", b'{"detail": "' + b"x" * BATCH_RECORD_BYTES + b'"}')
    # When all are asked for, then they come in pages
    found = pages(service, limit=500)
    assert max(len(json.dumps(answer)) for answer in found) < 1.3 * BATCH_STATUS_BYTES
    assert [file["name"] for answer in found for file in answer["files"]] == [*names, "large.jpg"]
    assert len(found) == 3
