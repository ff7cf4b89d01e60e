"""Blocks of rows through the check and the model, counted: the same for every format."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from skysort.errors import EmptyInputError, FieldError, InvalidFieldsError
from skysort.guard import reading
from skysort.star.columns import BANDS, MEASURED, Photometry, Reason, check, describe, without_sentinels
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.star.rows import SENTINEL_CODE, sentinels_detail
from skysort.star.tables.outside import Outside
from skysort.star.tables.remarks import Remarks
from skysort.star.tables.result_columns import ResultColumns, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning
    from skysort.star.model import StarModel
    from skysort.star.tables.rejects import Reject, RejectsWriter


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured values of n consecutive rows as a reader found them.

    photometry: NaN where a cell is blank or is no number.
    unreadable: (n, 6) bool in the order of MEASURED, True for a cell with text that is no number; None for none.
    shown: what a cell holds, for a message: (row, column) -> text.
    """

    photometry: Photometry
    unreadable: NDArray[np.bool_] | None = None
    shown: Callable[[int, int], object] | None = None

    def value(self, row: int, column: int) -> object:
        """What the cell holds, as a message shows it."""
        if self.shown is not None:
            with reading("a cell of the table"):
                return self.shown(row, column)
        if column < len(MEASURED) - 1:
            return float(self.photometry.magnitudes[row, column])
        return float(self.photometry.redshift[row])


def as_photometry(columns: Sequence[NDArray[np.float64] | None]) -> Photometry:
    """Six columns in the order of MEASURED as photometry; the redshift's may be absent."""
    magnitudes = np.column_stack([column for column in columns[: len(BANDS)] if column is not None])
    redshift = columns[-1]
    return Photometry(magnitudes, np.full(len(magnitudes), np.nan) if redshift is None else redshift)


def column_error(name: str, what: str) -> InvalidFieldsError:
    """The error for a measured column whose type holds no numbers."""
    return InvalidFieldsError([FieldError(name, "wrong_type", f"has {what}; one number a row is needed")])


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a block stand in the table.

    first: the first row's number. rows: every row's number, where they are not consecutive.
    line: the line in the file on which a row of the block begins.
    """

    first: int
    rows: NDArray[np.intp] | None = None
    line: Callable[[int], int] | None = None

    def of(self, row: int) -> tuple[int, int | None]:
        """Number and line of a row of the block."""
        number = self.first + row if self.rows is None else int(self.rows[row])
        return number, self.line(row) if self.line else None


@dataclass(slots=True)
class Tally:
    """How many rows of what kind a table had."""

    total: int = 0
    rejected: int = 0
    with_redshift: int = 0
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def classified(self) -> int:
        """Rows that have a class."""
        return self.total - self.rejected


def usable(measured: Measured) -> NDArray[np.bool_]:
    """Which rows `RowClassifier.classify` will keep, for a format that tells their number above them."""
    kept: NDArray[np.bool_] = _reasons(measured).max(axis=1) == Reason.OK
    return kept


def _reasons(measured: Measured) -> NDArray[np.uint8]:
    reasons = check(measured.photometry)
    if measured.unreadable is not None:
        reasons[measured.unreadable] = Reason.NOT_A_NUMBER
    return reasons


class RowClassifier:
    """Classifies a table block by block.

    Attributes
    ----------
    names
        What the table calls the columns of MEASURED.
    notes
        What the choice of its columns means for every row.
    predict_seconds
        Time spent in the model.
    outside
        Remembers what the model and the tables' sinks raise, which is not the file's fault.
    """

    def __init__(self, model: StarModel, appended: ResultColumns, rejects: RejectsWriter) -> None:
        self._model = model
        self.appended = appended
        self._rejects = rejects
        self.names: tuple[str, ...] = MEASURED
        self.notes: tuple[InputWarning, ...] = ()
        self.predict_seconds = 0.0
        self.tally = Tally(classes=np.zeros(len(appended.labels), np.int64))
        self.outside = Outside()
        self._remarks = Remarks()

    def warn(self, code: str, detail: str, rows: int) -> None:
        """Say in the summary what was done to some rows, or to a column (0 rows: nothing is said).

        code: stable, for programs; the counts of equal codes are added up, and the first detail is kept.
        """
        self._remarks.warn(code, detail, rows)

    def classify(
        self, measured: Measured, places: Places | None = None, others: Sequence[Reject] = ()
    ) -> tuple[NDArray[np.bool_], Values]:
        """Which rows of a block can be classified, and the appended values of those.

        places: the rows' numbers and lines, for a reader that has left some out.
        others: rejects that the reader found among these rows, one a row, not counted in measured.
        """
        places = places or Places(self.tally.total + 1)
        reasons = _reasons(measured)
        kept: NDArray[np.bool_] = reasons.max(axis=1) == Reason.OK
        all_kept = bool(kept.all())
        if others or not all_kept:
            found = [*others, *self._describe(measured, reasons, places)]
            self._remarks.count(found)
            with self.outside.call():
                self._rejects.write(sorted(found, key=lambda reject: reject[0]))
        photometry = measured.photometry if all_kept else measured.photometry.take(kept)
        self.tally.total += len(kept) + len(others)
        self.tally.rejected += len(kept) + len(others) - len(photometry)
        values = self._predict(self._known_redshifts(photometry))
        self.tally.with_redshift += int(values.variant.sum())
        self.tally.classes += np.bincount(values.label, minlength=len(self.appended.labels))
        return kept, values

    def _known_redshifts(self, photometry: Photometry) -> Photometry:
        """The rows without redshifts that stand for none; tells what was done to the rows."""
        for note in self.notes:
            self.warn(note.code, note.detail, len(photometry))
        photometry, sentinels = without_sentinels(photometry)
        if sentinels:
            self.warn(SENTINEL_CODE, sentinels_detail(sentinels), sum(sentinels.values()))
        return photometry

    def _predict(self, photometry: Photometry) -> Values:
        if len(photometry) == 0:
            none = np.zeros(0, np.intp)
            return Values(none, np.zeros((0, len(self.appended.labels)), np.float32), none, none)
        started = perf_counter()
        with self.outside.call():
            values = self.appended.values(self._model.classify(photometry))
        self.predict_seconds += perf_counter() - started
        return values

    def _describe(self, measured: Measured, reasons: NDArray[np.uint8], places: Places) -> Iterator[Reject]:
        for row, column in np.argwhere(reasons).tolist():
            reason = Reason(int(reasons[row, column]))
            problem = describe(MEASURED[column], reason, measured.value(row, column))
            yield (*places.of(row), self.names[column], problem.reason, problem.detail)

    def summary(self) -> dict[str, Any]:
        """The counts, as the summary has them.

        Raises EmptyInputError when there was no row.
        """
        tally = self.tally
        if tally.total == 0:
            raise EmptyInputError("the table has a header and no rows")
        warnings = self._remarks.documents(nothing_classified=not tally.classified)
        return {
            "rows": {"total": tally.total, "classified": tally.classified, "rejected": tally.rejected},
            "classes": dict(zip(self.appended.labels, tally.classes.tolist(), strict=True)),
            "variants": {
                WITH_REDSHIFT: tally.with_redshift,
                PHOTOMETRY_ONLY: tally.classified - tally.with_redshift,
            },
            **({"warnings": warnings} if warnings else {}),
        }
