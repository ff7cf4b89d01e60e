"""Whose fault it is that a table cannot be classified: the file's, or that of what stands around its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort.drop.files import Draft, SourceFile
from skysort.errors import LimitExceededError, MalformedInputError
from skysort.input_warnings import InputWarning
from skysort.s3.objects import Target
from skysort.star.model import StarModel
from skysort.star.tables import readers
from skysort.star.tables.classifier import TableClassifier
from skysort.star.tables.detect import Format
from skysort.star.tables.header import locate
from skysort.star.tables.result_columns import ResultColumns
from skysort.star.tables.rows import Cells, Measured, RejectsWriter, RowClassifier, Rows
from tests.fakes.object_store import MemoryStore
from tests.fakes.tables import HEADER, ROW, classify, lines, load, row
from tests.reader_faults import READER_FAULTS
from tests.unit.skysort.star.tables.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a limit is passed by is told apart below.
RAISED = [error for name, error in READER_FAULTS.items() if name != "MemoryError"]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", list(Format))
def test_whatever_a_reader_raises_is_the_files_problem(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch, kind: Format, error: Exception
) -> None:
    # Given a reader that stumbles
    def stumble(*_: object) -> None:
        raise error

    monkeypatch.setattr(readers, "_opener", lambda _: stumble)
    # When / Then
    with pytest.raises(MalformedInputError, match="cannot be read"):
        classify(star_folder, SAMPLES[kind])


@pytest.mark.parametrize("kind", list(Format))
def test_a_table_that_asks_for_more_memory_than_there_is_passes_a_limit(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch, kind: Format
) -> None:
    def stumble(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(readers, "_opener", lambda _: stumble)
    with pytest.raises(LimitExceededError, match="more memory"):
        classify(star_folder, SAMPLES[kind])


class BrokenModel(StarModel):
    """A model whose booster fails."""

    def classify(self, photometry: Any) -> Any:
        raise ValueError(f"the booster is broken for {len(photometry)}")


@pytest.mark.parametrize("kind", list(Format))
def test_a_model_that_fails_is_not_the_files_problem(star_folder: Path, kind: Format) -> None:
    # Given
    model = load(star_folder)
    broken = BrokenModel(model.card, model._variants)
    store = MemoryStore()
    draft = Draft(store, lambda suffix, kind: Target("results", "table" + suffix, None, kind, {}))
    # When / Then
    with pytest.raises(ValueError, match="the booster is broken"):
        TableClassifier(broken).classify(SourceFile(store, store.upload("table", SAMPLES[kind])), draft)
    draft.close()


class FullDraft:
    """A draft whose files take nothing."""

    def open(self, _suffix: str, _kind: str) -> FullDraft:
        return self

    def write(self, data: bytes | memoryview) -> int:
        raise ValueError(f"no room for {len(data):,} bytes")


@pytest.mark.parametrize("kind", list(Format))
def test_a_sink_that_fails_is_not_the_files_problem(star_folder: Path, kind: Format) -> None:
    store = MemoryStore()
    source = SourceFile(store, store.upload("table", SAMPLES[kind]))
    with pytest.raises(ValueError, match="no room"):
        TableClassifier(load(star_folder)).classify(source, FullDraft())  # type: ignore[arg-type]


class BrokenSource:
    """A file whose bytes end in a fault of the network."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def blocks(self) -> Iterator[bytes]:
        yield self._body
        raise ConnectionResetError("reset by peer")


@pytest.mark.parametrize("kind", list(Format))
def test_a_store_that_fails_is_not_the_files_problem(star_folder: Path, kind: Format) -> None:
    store = MemoryStore()
    draft = Draft(store, lambda suffix, kind: Target("results", "table" + suffix, None, kind, {}))
    with pytest.raises(ConnectionResetError):
        TableClassifier(load(star_folder)).classify(BrokenSource(SAMPLES[kind]), draft)  # type: ignore[arg-type]
    draft.close()


def test_a_table_whose_every_row_was_rejected_says_why(star_folder: Path) -> None:
    # Given two rows without u, and one without a redshift that can be
    body = lines(row(u=-9999), row(u=-9999), row(redshift=50))
    # When
    result = classify(star_folder, body)
    # Then its summary tells the commonest reason
    (warning,) = result.summary["warnings"]
    assert warning["code"] == "no_row_classified"
    assert "u: is -9999" in warning["detail"]
    assert warning["rows"] == 2
    assert len(result.rejects) == 3


def test_a_table_with_one_good_row_needs_no_word(star_folder: Path) -> None:
    assert "warnings" not in classify(star_folder, lines(ROW, row(u="x"))).summary


def test_remarks_on_rows_are_counted_by_their_code(star_folder: Path) -> None:
    # Given a reader that finds something to say, block by block
    model = load(star_folder)
    appended = ResultColumns(model.labels, "star 1")
    classifier = RowClassifier(model, appended, RejectsWriter(MemoryStore), locate("ugriz"))  # type: ignore[arg-type]
    classifier.classify(Rows(Measured.of([*[Cells(np.full(3, 20.0))] * 5, None]), lambda _, __: b""))
    # When
    for count in (2, 0, 5):
        classifier.warn(InputWarning("redshift_sentinel", f"{count} rows"), count)
    # Then
    assert classifier.summary()["warnings"] == [{"code": "redshift_sentinel", "detail": "2 rows", "rows": 7}]


def test_the_header_of_the_examples_is_that_of_the_samples() -> None:
    assert SAMPLES[Format.CSV].decode().startswith(HEADER)
