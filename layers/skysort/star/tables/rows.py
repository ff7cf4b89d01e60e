"""Rows of a table, independent of the format, and their validation and classification."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from skysort.csv_cells import text_cell
from skysort.errors import EmptyInputError, FieldError, InvalidFieldsError
from skysort.guard import reading
from skysort.input_warnings import InputWarning, documents
from skysort.models import ROWS
from skysort.star.columns import Photometry, Reason, check, describe, without_sentinels
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.star.row_sample import RowSample
from skysort.star.rows import SENTINEL_CODE, sentinels_detail
from skysort.star.schema import SDSS
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.gzip_stream import Sink
    from skysort.star.model import StarModel
    from skysort.star.schema import Schema
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.result_columns import ResultColumns, Values

NOTHING_CLASSIFIED: Final = "no_row_classified"
REJECT_COLUMNS: Final = ("row", "line", "column", "reason", "detail")

# row: 1 for the first data row. line: in the file, from 1; None for formats without lines.
# column: the table's name, empty for an error of the whole row. reason: a stable code.
Reject = tuple[int, "int | None", str, str, str]


@dataclass(frozen=True, slots=True)
class Cells:
    """A measured column of n rows.

    values: (n,) float64, NaN if missing. unreadable: (n,) bool, True for text that is not a number; None for no such.
    shown: a row's cell, for a message. texts: all cells of a text column, None for nulls.
    """

    values: NDArray[np.float64]
    unreadable: NDArray[np.bool_] | None = None
    shown: Callable[[int], object] | None = None
    texts: Callable[[], Sequence[str | None]] | None = None

    def hide(self, masked: NDArray[np.bool_]) -> None:
        """Remove the values where a mask is true."""
        self.values[masked] = np.nan
        if self.unreadable is not None:
            self.unreadable[masked] = False

    def labels(self) -> list[str]:
        """The cells as classes: texts without surrounding blanks, whole numbers without decimals; empty if missing."""
        if self.texts is not None:
            return ["" if text is None else text.strip() for text in self.texts()]
        return ["" if value != value else f"{value:.15g}" for value in self.values.tolist()]  # noqa: PLR0124 - NaN


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured values of n consecutive rows.

    photometry: NaN where a cell is blank or not a number.
    unreadable: (n, k) bool in the order of the schema's measured columns, True for text that is not a number; None if
    there is none. shown: a cell's content, for a message: (row, column) -> text. schema: the columns that were read.
    labels: the rows' classes, where the schema seeks them.
    """

    photometry: Photometry
    unreadable: NDArray[np.bool_] | None = None
    shown: Callable[[int, int], object] | None = None
    schema: Schema = SDSS
    labels: Sequence[str] = ()

    @classmethod
    def of(cls, sought: Sequence[Cells | None], schema: Schema = SDSS) -> Measured:
        """Combine the columns that a schema seeks; the redshift and optional columns may be missing."""
        columns = sought[: len(schema.measured)]
        rows = next(len(column.values) for column in columns if column is not None)
        magnitudes = np.column_stack(
            [np.full(rows, np.nan) if column is None else column.values for column in columns[:-1]]
        )
        redshift = columns[-1]
        photometry = Photometry(magnitudes, np.full(rows, np.nan) if redshift is None else redshift.values)
        classes = sought[-1].labels() if schema.class_columns and sought[-1] is not None else ()
        if all(column is None or column.unreadable is None for column in columns):
            return cls(photometry, schema=schema, labels=classes)
        unreadable = np.zeros((len(photometry), len(schema.measured)), np.bool_)
        for column_index, column in enumerate(columns):
            if column is not None and column.unreadable is not None:
                unreadable[:, column_index] = column.unreadable

        def shown(row: int, column_index: int) -> object:
            column = columns[column_index]
            if column is None or column.shown is None:
                return None if column is None else float(column.values[row])
            return column.shown(row)

        return cls(photometry, unreadable, shown, schema, classes)

    def reasons(self) -> NDArray[np.uint8]:
        """(n, k) uint8, a Reason for every value."""
        reasons = check(self.photometry, self.schema)
        if self.unreadable is not None:
            reasons[self.unreadable] = Reason.NOT_A_NUMBER
        return reasons

    def usable(self) -> NDArray[np.bool_]:
        """(n,) bool: rows that `RowClassifier.classify` will keep, for formats with a row count in the header."""
        kept: NDArray[np.bool_] = self.reasons().max(axis=1) == Reason.OK
        return kept

    def problems(self, row: int, reasons: NDArray[np.uint8], names: Sequence[str]) -> Iterator[FieldError]:
        """The errors of a row with these reasons; names: the table's names of the measured columns."""
        for column in np.flatnonzero(reasons).tolist():
            quantity, reason = self.schema.measured[column], Reason(int(reasons[column]))
            problem = describe(quantity, reason, self._value(row, column), self.schema)
            yield FieldError(names[column], problem.reason, problem.detail)

    def _value(self, row: int, column: int) -> object:
        if self.shown is not None:
            with reading("a cell of the table"):
                return self.shown(row, column)
        values = self.photometry.magnitudes
        return float(values[row, column] if column < values.shape[1] else self.photometry.redshift[row])


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of consecutive rows of a table.

    Attributes
    ----------
    measured
        The values of n rows.
    render
        Renders, in the table's format, the rows that a mask of n keeps, with their results appended.
    places
        (n,) indices of the n rows in the block, where the reader rejected others; None if it did not.
    refused
        The reader's rejects: index in the block; line, column, reason and detail.
    line
        The line in the file of one of the n rows; None for formats without lines.
    carried
        Gives the values of the n rows in the columns that are carried, as Arrow arrays.
    """

    measured: Measured
    render: Callable[[NDArray[np.bool_], Values], bytes | memoryview]
    places: NDArray[np.intp] | None = None
    refused: Sequence[tuple[int, tuple[int | None, str, str, str]]] = ()
    line: Callable[[int], int] | None = None
    carried: Callable[[], Sequence[Any]] = tuple


class Table(ABC):
    """A table of one format, which can be read, and written with the appended columns.

    columns: the measured columns.
    """

    columns: MeasuredColumns

    @abstractmethod
    def rows(self) -> Iterator[Rows]:
        """The rows, block by block."""

    @abstractmethod
    def begin(self, appended: ResultColumns) -> Iterable[bytes]:
        """The head of the classified table; called before `rows` if the table is to be written."""

    def end(self) -> Iterable[bytes]:
        """The part of the classified table after the rendered rows."""
        return ()

    def remarks(self) -> Iterable[tuple[InputWarning, int]]:
        """Warnings about the table, each with a number of lines."""
        return ()


def column_error(name: str, kind: str) -> InvalidFieldsError:
    """The error for a measured column whose type holds no numbers."""
    return InvalidFieldsError([FieldError(name, "wrong_type", f"has {kind}; one number per row is needed")])


class Rejects(Protocol):
    """Takes rejected rows."""

    def write(self, rejects: Iterable[Reject], /) -> None:
        """Take each invalid value of a row."""


class RejectsWriter:
    """Writes rejected rows as CSV; the file is opened with the first of them.

    open_sink: opens the file.
    """

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        self._open_sink = open_sink
        self._sink: Sink | None = None

    def write(self, rejects: Iterable[Reject]) -> None:
        """Write one line for each invalid value."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._sink is None:
            self._sink = self._open_sink()
            writer.writerow(REJECT_COLUMNS)
        writer.writerows(
            (row, line, text_cell(column), reason, text_cell(detail)) for row, line, column, reason, detail in rejects
        )
        self._sink.write(text.getvalue().encode("utf-8", "replace"))


@dataclass(slots=True)
class Tally:
    """Counts of a table's rows."""

    total: int = 0
    rejected: int = 0
    left_out: int = 0
    with_redshift: int = 0
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def classified(self) -> int:
        """The number of rows with a class."""
        return self.total - self.rejected - self.left_out


class RowClassifier:
    """Classifies a table block by block, and counts rows.

    columns: the measured columns, with warnings for every row. prior: class shares of the data at hand, by which
    probabilities are re-weighted; None for those of the training data. sample: takes the rows, if they are part of a
    larger whole that is judged by it.
    """

    def __init__(
        self,
        model: StarModel,
        appended: ResultColumns,
        rejects: Rejects,
        columns: MeasuredColumns,
        *,
        prior: Sequence[float] | None = None,
        sample: RowSample | None = None,
    ) -> None:
        self._model = model
        self._appended = appended
        self._rejects = rejects
        self._columns = columns
        self._prior = prior
        self.tally = Tally(classes=np.zeros(len(appended.labels), np.int64))
        self.typicality = TypicalityCounts()
        self._warnings: dict[str, InputWarning] = {}
        self._warned: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._details: dict[tuple[str, str], str] = {}
        self._judge = model.judge
        self._sample = RowSample() if sample is None and self._judge is not None else sample

    def warn(self, warning: InputWarning, rows: int) -> None:
        """Add a warning to the summary; for equal codes rows are added up and the first detail is kept."""
        if rows > 0:
            self._warnings.setdefault(warning.code, warning)
            self._warned[warning.code] += rows

    def classify(self, rows: Rows, left_out: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.bool_], Values]:
        """Classify a block, but for rows that are left out, and are neither valid nor rejected.

        Returns
        -------
        (n,) bool, the valid rows, and their appended values.
        """
        measured = rows.measured
        reasons = measured.reasons()
        kept: NDArray[np.bool_] = reasons.max(axis=1) == Reason.OK
        if left_out is not None:
            reasons[left_out] = Reason.OK
            kept &= ~left_out
            self.tally.left_out += int(left_out.sum())
        all_kept = bool(kept.all())
        if rows.refused or not all_kept:
            self._reject(rows, reasons)
        photometry = measured.photometry if all_kept else measured.photometry.take(kept)
        self.tally.total += len(kept) + len(rows.refused)
        self.tally.rejected += len(kept) + len(rows.refused) - len(photometry)
        if left_out is not None:
            self.tally.rejected -= int(left_out.sum())
        values = self._predict(photometry)
        self.tally.with_redshift += int(values.variant.sum())
        self.tally.classes += np.bincount(values.label, minlength=len(self._appended.labels))
        return kept, values

    def _reject(self, rows: Rows, reasons: NDArray[np.uint8]) -> None:
        first = self.tally.total + 1
        rejects = [(first + place, *about) for place, about in rows.refused]
        for row in np.flatnonzero(reasons.any(axis=1)).tolist():
            number = first + (row if rows.places is None else int(rows.places[row]))
            line = rows.line(row) if rows.line else None
            problems = rows.measured.problems(row, reasons[row], self._columns.names)
            rejects += [(number, line, problem.field, problem.reason, problem.detail) for problem in problems]
        for _, _, column, reason, detail in rejects:
            self._reasons[column, reason] += 1
            self._details.setdefault((column, reason), detail)
        self._rejects.write(sorted(rejects, key=lambda reject: reject[0]))

    def _predict(self, photometry: Photometry) -> Values:
        for note in self._columns.notes:
            self.warn(note, len(photometry))
        photometry, sentinels = without_sentinels(photometry, self._columns.schema)
        if sentinels:
            self.warn(InputWarning(SENTINEL_CODE, sentinels_detail(sentinels)), sum(sentinels.values()))
        if len(photometry) == 0:
            return self._appended.nothing
        classified = self._model.classify(photometry)
        if classified.typicality is not None:
            self.typicality.add_all(classified.typicality, self._model.typical_from)
        if self._sample is not None:
            self._sample.add(photometry, self._model.comparable(classified))
        if self._prior is not None:
            weighted = self._model.at_prior(classified.probabilities, classified.with_redshift, self._prior)
            classified = replace(classified, probabilities=weighted)
        return self._appended.values(classified)

    def summary(self) -> dict[str, Any]:
        """The counts for the summary.

        Returns
        -------
        ``rows``, ``classes``, ``variants``, ``typicality``, ``domain`` and ``class_shares`` of a model that measures
        them and, where there are some, ``warnings``.

        Raises
        ------
        EmptyInputError
            For a table without rows.
        """
        tally = self.tally
        if tally.total == 0:
            raise EmptyInputError("the table has a header but no rows")
        warnings = self.warnings()
        if not tally.classified and self._reasons:
            warnings.insert(0, self._nothing_classified())
        return {
            "rows": {"total": tally.total, "classified": tally.classified, "rejected": tally.rejected},
            "classes": dict(zip(self._appended.labels, tally.classes.tolist(), strict=True)),
            "variants": {
                WITH_REDSHIFT: tally.with_redshift,
                PHOTOMETRY_ONLY: tally.classified - tally.with_redshift,
            },
            **self._observed(),
            **({"warnings": warnings} if warnings else {}),
        }

    def _observed(self) -> dict[str, Any]:
        """What is known of the whole table."""
        rows = self.typicality.share(ROWS.name)
        of_rows: dict[str, Any] = {} if rows is None else {"typicality": rows}
        if self._judge is None or self._sample is None:
            return of_rows
        share = 0.0 if rows is None else rows["share"]
        return {**of_rows, **self._judge.summary(self._sample.rows, share, self._appended.labels)}

    def warnings(self) -> list[dict[str, Any]]:
        """The warnings, each with a number of rows."""
        return [
            {**document, "rows": self._warned[code]}
            for code, document in zip(self._warnings, documents(self._warnings.values()), strict=True)
        ]

    def _nothing_classified(self) -> dict[str, Any]:
        ((column, reason), rows) = self._reasons.most_common(1)[0]
        example = f"{column}: " * bool(column) + self._details[column, reason]
        detail = f"no row was classified; the most common reason is {reason}, for example {example}"
        return {"code": NOTHING_CLASSIFIED, "detail": detail, "rows": rows}
