"""Pictures in a column of a Parquet table: which column, which names, row groups and parts of them."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from skysort.bulk.pictures import parquet
from skysort.bulk.store import SourceChangedError
from skysort.errors import EmptyInputError, InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from tests.unit.skysort.bulk.pictures.sources import good, read_all, refusals, slices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PICTURES = [bytes([number]) * (number * 41 % 500 + 1) for number in range(60)]
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BULK_PART_PICTURES", 15)


def table(columns: Mapping[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), file, **options)
    return file.getvalue()


@pytest.mark.parametrize("group", [1, 7, 15, 40, 60])
def test_rows_are_in_one_slice_each_in_order(group: int) -> None:
    # Given row groups smaller and larger than a slice
    content = table({"image": PICTURES, "id": list(range(60))}, row_group_size=group)
    sources, slices = slices_of(content, "night.parquet")
    # Then
    assert read_all(sources, slices) == [(str(number), picture) for number, picture in enumerate(PICTURES)]
    assert [part.rows for part in slices] == [len(read_all(sources, [part])) for part in slices]
    assert max(part.rows or 0 for part in slices) <= 15


def test_pictures_as_datasets_of_hugging_face_write_them() -> None:
    column = pa.array([{"bytes": picture, "path": f"{number}.jpg"} for number, picture in enumerate(PICTURES)], STRUCT)
    sources, slices = slices_of(table({"image": column, "label": [0] * 60}, row_group_size=10), "train.parquet")
    assert read_all(sources, slices) == [(f"{number}.jpg", picture) for number, picture in enumerate(PICTURES)]


def test_rows_without_a_picture_are_refused_and_those_without_a_name_are_numbered() -> None:
    # Given a picture that only its path names, one without a path, a missing one
    column = pa.array([{"bytes": None, "path": "elsewhere.jpg"}, {"bytes": b"1", "path": None}, None], STRUCT)
    found = read_all(*slices_of(table({"image": column}), "a.parquet"))
    assert refusals(found) == {"elsewhere.jpg": "the row has no picture", "3": "the row has no picture"}
    assert good(found) == {"2": b"1"}


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"thumbnail": [b"t"], "IMAGE": [b"1"], "objid": [587722981742084144]}, ["587722981742084144"]),
        ({"cutout": [b"1"], "id": ["x"], "filename": ["y.png"]}, ["y.png"]),
        ({"blob": [b"1"], "redshift": [0.1]}, ["1"]),
        ({"blob": pa.array([b"1"], pa.large_binary()), "name": pa.array(["n"], pa.string_view())}, ["n"]),
    ],
)
def test_columns_are_found_by_their_types_and_names(columns: Mapping[str, Any], names: list[str]) -> None:
    assert read_all(*slices_of(table(columns), "a.parquet")) == [(name, b"1") for name in names]


def test_only_the_columns_of_pictures_and_names_are_fetched() -> None:
    chance = random.Random(1)
    content = table({"image": PICTURES, "id": list(range(60)), "spectrum": [chance.randbytes(5_000) for _ in PICTURES]})
    sources, slices = slices_of(content, "a.parquet")
    sources.reads.clear()
    read_all(sources, slices[:1])
    assert sum(size for _, _, size in sources.reads) < len(content) / 5


def test_a_table_without_pictures_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"no column of pictures.*it has ra \(double\), name \(string\)"):
        slices_of(table({"ra": [1.0], "name": ["x"]}), "a.parquet")


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(EmptyInputError, match="has no rows"):
        slices_of(table({"image": pa.array([], pa.binary())}), "a.parquet")


def test_a_row_group_too_large_to_be_fetched_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BULK_UNSPLIT_BYTES", 100)
    with pytest.raises(LimitExceededError, match=r"a row group .*write it with smaller row groups"):
        slices_of(table({"image": PICTURES}), "a.parquet")


def test_a_picture_beyond_the_limit_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "IMAGE_BYTES", 100)
    found = read_all(*slices_of(table({"image": [b"1", bytes(101)]}), "a.parquet"))
    assert good(found) == {"1": b"1"}
    assert "this one has 101 B" in refusals(found)["2"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "truncated"), (b"PAR1", "truncated"), (b"x" * 50 + b"\xff\xff\xff\x7fPAR1", "truncated")],
)
def test_what_no_table_is_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(MalformedInputError, match=says):
        slices_of(content, "a.parquet")


def test_a_footer_beyond_the_limit_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PARQUET_FOOTER_BYTES", 100)
    with pytest.raises(LimitExceededError, match=r"footer has .*larger row groups"):
        slices_of(table({"image": PICTURES}), "a.parquet")


def test_a_table_that_changed_since_it_was_planned_ends_the_job() -> None:
    sources, slices = slices_of(table({"image": PICTURES}), "a.parquet")
    sources.objects["a.parquet"] = table({"image": PICTURES[1:]})
    with pytest.raises(SourceChangedError):
        read_all(sources, slices)


@given(seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_damage_is_an_error_of_the_source_or_of_the_slice(seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(table({"image": PICTURES[:20], "id": list(range(20))}, row_group_size=6))
    # Arrow aborts the process on some damaged footers, which none but a reader of its own finds: pages alone here.
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(4, end)] = chance.randrange(256)
    sources, slices = slices_of(bytes(content), "a.parquet")
    for part in slices:
        try:
            count = len(read_all(sources, [part]))
        except InputError:
            continue
        assert count == part.rows
