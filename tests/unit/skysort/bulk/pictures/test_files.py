"""Pictures that are files of their own: found by their names, fetched side by side, in order."""

from __future__ import annotations

import threading

import pytest

from skysort.bulk.pictures import reading
from skysort.bulk.pictures.reading import files, runs
from skysort.bulk.pictures.split import split_pictures
from skysort.bulk.store import SourceChangedError, SourceObject
from skysort.limits import IMAGE_BYTES
from tests.factories_images import zip_file
from tests.unit.skysort.bulk.pictures.sources import good, read_all, refusals, sources_of

NIGHT = {f"incoming/bulk/night/{number:03}.jpg": b"%d" % number * 100 for number in range(100)}


def test_a_picture_is_a_slice_and_costs_the_planner_no_request() -> None:
    sources = sources_of(NIGHT)
    slices = [part for obj in sources.list("") for part in split_pictures(sources, obj)]
    assert [(part.source, part.rows, part.bytes, part.slice) for part in slices] == [
        (key, 1, len(content), 0) for key, content in NIGHT.items()
    ]
    assert sources.reads == []
    assert good(read_all(sources, slices)) == {key.rpartition("/")[2]: content for key, content in NIGHT.items()}


@pytest.mark.parametrize(
    "key", ["n/.DS_Store", "n/Thumbs.db", "n/._001.jpg", "__MACOSX/001.jpg", "a folder/", "n/desktop.ini"]
)
def test_what_systems_and_consoles_add_is_no_slice(key: str) -> None:
    sources = sources_of({key: b""})
    assert list(split_pictures(sources, sources.stat(key))) == []


def test_what_no_picture_is_by_its_name_is_left_to_its_reader() -> None:
    sources = sources_of({"notes.txt": b"seeing 0.8"})
    (part,) = split_pictures(sources, sources.stat("notes.txt"))
    assert part.format == "picture"


def test_files_are_fetched_side_by_side_in_order_of_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given requests of which the first does not end before the second is under way
    sources = sources_of(NIGHT)
    slices = [part for obj in sources.list("") for part in split_pictures(sources, obj)]
    second = threading.Event()
    monkeypatch.setattr(reading, "_FILES", 1)
    fetch = sources.read

    def read(planned: SourceObject, start: int, size: int) -> bytes:
        if planned.source == slices[0].source:
            assert second.wait(30)
        elif planned.source == slices[1].source:
            second.set()
        return fetch(planned, start, size)

    monkeypatch.setattr(sources, "read", read)
    # When
    found = list(files(sources, list(enumerate(slices))))
    # Then
    assert [each.place for each in found] == list(range(100))
    assert [each.picture.content for each in found] == list(NIGHT.values())


def test_a_picture_that_is_too_large_is_not_fetched_and_an_empty_one_not_either() -> None:
    sources = sources_of({"large.tif": b"x", "empty.jpg": b""})
    large = SourceObject("large.tif", IMAGE_BYTES + 1, "etag")
    slices = [part for obj in (large, sources.stat("empty.jpg")) for part in split_pictures(sources, obj)]
    found = read_all(sources, slices)
    assert refusals(found) == {"large.tif": "a picture may have up to 64 MiB; this one has 67,108,865 B"}
    assert good(found) == {"empty.jpg": b""}
    assert sources.reads == []


def test_a_picture_that_changed_ends_the_job() -> None:
    sources = sources_of({"a.jpg": b"1"})
    slices = list(split_pictures(sources, sources.stat("a.jpg")))
    sources.objects["a.jpg"] = b"2"
    with pytest.raises(SourceChangedError):
        list(files(sources, list(enumerate(slices))))


def test_files_and_archives_of_a_part_alternate_in_order() -> None:
    sources = sources_of({"a.jpg": b"1", "b.jpg": b"2", "c.zip": zip_file({"x": b"3"}), "d.jpg": b"4"})
    slices = [part for obj in sources.list("") for part in split_pictures(sources, obj)]
    assert [(alone, [place for place, _ in run]) for alone, run in runs(slices)] == [
        (True, [0, 1]),
        (False, [2]),
        (True, [3]),
    ]
