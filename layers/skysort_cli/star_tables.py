"""FITS, VOTable, Parquet, ECSV and IPAC tables in this process: a record a row, or the table with appended columns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from skysort.errors import FieldError, InputError
from skysort.limits import MIB, STAR_EXPLAINED_ROWS_PER_REQUEST, STAR_ROWS_PER_REQUEST
from skysort.star.body import StarRequest
from skysort.star.columns import MEASURED, Reason, check, describe, without_sentinels
from skysort.star.rows import StarRow, sentinel_note
from skysort.star.tables.classifier import TableClassifier
from skysort.star.tables.readers import read_table
from skysort.star.tables.rejects import RejectsWriter
from skysort.star.tables.result_columns import ResultColumns, Values
from skysort.star.tables.rows import Measured, Places, RowClassifier
from skysort_cli.output import whole_file
from skysort_cli.pictures import record_of
from skysort_cli.stars import damage

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from skysort.drop.files import Draft, SourceFile
    from skysort.star.classify import StarClassifier
    from skysort.star.tables.detect import Format
    from skysort.star.tables.rejects import Reject
    from skysort_cli.inputs import Input
    from skysort_cli.local import LocalStars
    from skysort_cli.output import Record

_BLOCK: Final = 8 * MIB


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes."""
        return len(data)


class RecordingRows(RowClassifier):
    """Takes the rows that a format's reader finds, answers them as the service would, and keeps none in the table."""

    def __init__(self, local: LocalStars, emit: Callable[[Record], None]) -> None:
        appended = ResultColumns(local.model.labels, local.model.card.name)
        super().__init__(local.model, appended, RejectsWriter(Nowhere))
        self._classifier: StarClassifier = local.classifier
        self._query = local.query
        self._emit = emit
        explained = str(local.query.get("explain", "")).lower() == "true"
        self._most = STAR_EXPLAINED_ROWS_PER_REQUEST if explained else STAR_ROWS_PER_REQUEST

    def classify(
        self,
        measured: Measured,
        places: Places | None = None,  # noqa: ARG002 - these formats leave no row out
        others: Sequence[Reject] = (),  # noqa: ARG002
    ) -> tuple[NDArray[np.bool_], Values]:
        """Emit a record for every row of a block; the table gets none of them."""
        rows = list(self._rows(measured))
        for start in range(0, len(rows), self._most):
            part = rows[start : start + self._most]
            with self.outside.call():
                answer = self._classifier.answer(StarRequest(part), self._query)
                for row, result in zip(part, answer["results"], strict=True):
                    self._emit({"row": int(row.id), **record_of(answer, result)})
        self.tally.total += len(rows)
        nothing = np.zeros(0, np.intp)
        labels = len(self.appended.labels)
        return np.zeros(len(rows), np.bool_), Values(nothing, np.zeros((0, labels), np.float32), nothing, nothing)

    def _rows(self, measured: Measured) -> Iterator[StarRow]:
        reasons = check(measured.photometry)
        if measured.unreadable is not None:
            reasons[measured.unreadable] = Reason.NOT_A_NUMBER
        photometry, sentinels = without_sentinels(measured.photometry)
        given = measured.photometry.redshift
        values = np.column_stack([photometry.magnitudes, photometry.redshift]).tolist()
        for at, (row, wrong) in enumerate(zip(values, (reasons != Reason.OK).any(axis=1), strict=True)):
            errors = tuple(self._errors(measured, at, reasons[at])) if wrong else ()
            left_out = sentinels and np.isnan(row[-1]) and not np.isnan(given[at])
            warnings = (*self.notes, sentinel_note(float(given[at]))) if left_out else self.notes
            yield StarRow(str(self.tally.total + at + 1), tuple(row), errors, warnings)

    def _errors(self, measured: Measured, at: int, reasons: NDArray[np.uint8]) -> Iterator[FieldError]:
        for column in np.flatnonzero(reasons).tolist():
            found = describe(MEASURED[column], Reason(int(reasons[column])), measured.value(at, column))
            yield FieldError(self.names[column], found.reason, found.detail)


def record_rows(kind: Format, file: io.BufferedReader, local: LocalStars, emit: Callable[[Record], None]) -> None:
    """Emit a record for every row of a table that is no CSV; raises InputError and ImportError."""
    read_table(kind, _blocks(file), RecordingRows(local, emit), Nowhere())


def classify_whole(item: Input, out: Path, local: LocalStars) -> dict[str, Any]:
    """Write the table to out as the drop folder does, in its format and with appended columns, and its rejects beside.

    Returns the summary: format, counts of rows and classes. Raises InputError and ProblemError.
    """
    with item.opened() as file, damage():
        draft = _Files(out)
        with draft.stack:
            source = cast("SourceFile", _Source(file))
            report = TableClassifier(local.model).classify(source, cast("Draft", draft))
    return dict(report.summary)


class _Source:
    """An open file as the drop folder's reader takes it."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def blocks(self) -> Iterator[bytes]:
        return _blocks(self._file)


class _Files:
    """The files of a result beside each other: the table, and `<table>.rejected.csv` where there are rejects."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._files: dict[str, BinaryIO] = {}
        self.stack = ExitStack()

    def open(self, suffix: str, _content_type: str) -> BinaryIO:
        if suffix not in self._files:
            path = self._out.with_name(self._out.name + suffix)
            self._files[suffix] = self.stack.enter_context(whole_file(path))
        return self._files[suffix]


def _blocks(file: io.BufferedReader) -> Iterator[bytes]:
    empty = True
    while block := file.read(_BLOCK):
        empty = False
        yield block
    if empty:
        raise InputError("the file is empty: it has no bytes")
