"""The manifest of a job: what is written is read, and nothing else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk import manifest
from skysort.bulk.manifest import PartItem, Slice, SliceWriter, read_slices
from skysort.errors import LimitExceededError, MalformedInputError
from tests.fakes.model_store import MemoryModelStore

NUMBERS = st.integers(0, 2**40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@st.composite
def slices(draw: st.DrawFn) -> Slice:
    start, end = sorted((draw(NUMBERS), draw(NUMBERS)))
    return Slice(
        draw(TEXTS),
        draw(TEXTS),
        draw(NUMBERS),
        draw(st.sampled_from(["csv", "csv.gz", "parquet", "zip"])),
        start,
        end,
        draw(NUMBERS),
        slice=draw(NUMBERS),
        rows=draw(st.none() | NUMBERS),
        head=draw(NUMBERS),
        version=draw(st.none() | TEXTS),
        dialect=draw(TEXTS),
    )


def a_slice(source: str = "incoming/bulk/b/stars.csv", rows: int | None = 10, size: int = 1_000) -> Slice:
    return Slice(source, "e1", size, "csv", 0, size, size, rows=rows)


@given(slices())
def test_a_slice_is_read_as_it_was_written(each: Slice) -> None:
    assert Slice.from_line(each.to_line()) == each
    assert each.to_line().count(b"\n") == 1


@given(st.lists(st.lists(slices(), min_size=1, max_size=4), max_size=6))
def test_every_part_reads_its_own_slices(parts: list[list[Slice]]) -> None:
    # Given
    store = MemoryModelStore()
    writer = SliceWriter(store, "bulk/shared/j/slices/")
    # When
    for part in parts:
        writer.add(part)
    items = writer.close("bulk/shared/j/manifest.json")
    # Then
    assert [item.part for item in items] == list(range(len(parts)))
    assert [list(read_slices(store, item)) for item in items] == parts
    assert manifest.from_json(store.get("bulk/shared/j/manifest.json").body) == items


def test_a_part_has_rows_where_all_its_slices_say_them() -> None:
    writer = SliceWriter(MemoryModelStore(), "slices/")
    writer.add([a_slice(rows=3), a_slice(rows=4)])
    writer.add([a_slice(rows=3), a_slice(rows=None)])
    assert [(item.rows, item.bytes) for item in writer.close("manifest.json")] == [(7, 2_000), (None, 2_000)]


def test_chunks_hold_whole_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(manifest, "CHUNK_BYTES", 400)
    store = MemoryModelStore()
    writer = SliceWriter(store, "slices/")
    # When
    for _ in range(10):
        writer.add([a_slice(), a_slice()])
    items = writer.close("manifest.json")
    # Then
    assert len({item.key for item in items}) > 1
    assert all(len(read_slices(store, item)) == 2 for item in items)


def test_a_second_planner_takes_the_manifest_of_the_first_and_changes_nothing() -> None:
    # Given
    store = MemoryModelStore()
    first = SliceWriter(store, "slices/")
    first.add([a_slice(rows=1)])
    items = first.close("manifest.json")
    # When: the listing has changed meanwhile
    second = SliceWriter(store, "slices/")
    second.add([a_slice(rows=2)])
    second.add([a_slice(rows=3)])
    # Then
    assert second.close("manifest.json") == items
    assert read_slices(store, items[0])[0].rows == 1


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "BULK_PARTS", 2)
    writer = SliceWriter(MemoryModelStore(), "slices/")
    writer.add([a_slice()])
    writer.add([a_slice()])
    with pytest.raises(LimitExceededError, match="up to 2 parts"):
        writer.add([a_slice()])


def test_a_part_may_not_have_more_slices_than_one_request_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "BULK_SLICES_BYTES", 100)
    with pytest.raises(LimitExceededError, match="up to 100 bytes"):
        SliceWriter(MemoryModelStore(), "slices/").add([a_slice()])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ITEM = PartItem(3, "slices/00000.jsonl", 10, 20, None, 5).to_document()


@given(st.sampled_from(["part", "slices", "rows", "bytes"]), JSON_VALUES)
def test_an_item_of_an_event_is_an_item_or_refused(name: str, value: object) -> None:
    try:
        item = PartItem.from_document({**ITEM, name: value})
    except MalformedInputError:
        return
    assert item.to_document()[name] == value


@given(st.sampled_from(["source", "etag", "size", "format", "start", "end", "bytes", "rows", "head"]), JSON_VALUES)
def test_a_line_is_a_slice_or_refused(name: str, value: object) -> None:
    line = json.dumps({**json.loads(a_slice().to_line()), name: value}).encode()
    try:
        each = Slice.from_line(line)
    except MalformedInputError:
        return
    assert getattr(each, name) == value


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[" * 100_000, b"[{}]"])
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedInputError):
        manifest.from_json(body)


def test_slices_that_are_not_where_the_manifest_says_are_refused() -> None:
    store = MemoryModelStore()
    writer = SliceWriter(store, "slices/")
    writer.add([a_slice()])
    [item] = writer.close("manifest.json")
    store.objects[item.key] = store.objects[item.key][:-5]
    with pytest.raises(MalformedInputError, match="part 0"):
        read_slices(store, item)
