"""SDSS17 from a CSV file: the project's compact copy, or the original as Kaggle serves it.

Both are read by column name, so the order of columns does not matter and what is not needed
(run_ID, plate, fiber_ID, the position ...) is left unread.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from skysort.errors import EmptyInputError, InvalidFieldsError, MalformedInputError, NotFoundError
from skysort.star.columns import LABELS, Photometry, Reason, check, describe, without_sentinels
from skysort.star.spellings import BANDS, MEASURED, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

CLASS_COLUMN: Final = "class"
# The compact copy first, then the names that a download from Kaggle has.
FILE_NAMES: Final = ("sdss17.csv.gz", "star_classification.csv", "star_classification.csv.gz")
SHOWN: Final = 5  # bad values named in a message before it says how many more there are


@dataclass(frozen=True, slots=True)
class Dataset:
    """n labelled objects.

    photometry: u, g, r, i, z in magnitudes and the redshift, float64; NaN for a redshift that says that there is none.
    labels: (n,) int64, index into skysort.star.columns.LABELS.
    dropped: rows of the file that are not in here, by reason.
    """

    photometry: Photometry
    labels: NDArray[np.int64]
    file_name: str = ""
    sha256: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.labels)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Dataset:
        """The objects that a mask or an index array chooses, in its order."""
        return Dataset(self.photometry.take(rows), self.labels[rows], self.file_name, self.sha256, self.dropped)

    @property
    def has_redshift(self) -> NDArray[np.bool_]:
        """(n,) bool, the objects whose redshift was measured."""
        return ~np.isnan(self.photometry.redshift)

    def counts(self) -> dict[str, int]:
        """Objects in each class."""
        return dict(zip(LABELS, np.bincount(self.labels, minlength=len(LABELS)).tolist(), strict=True))


def find(folder: Path) -> Path:
    """The SDSS17 file in the data folder; NotFoundError says where it was looked for."""
    candidates = [place / name for name in FILE_NAMES for place in (folder / "star", folder)]
    for path in candidates:
        if path.is_file():
            return path
    raise NotFoundError(
        f"no SDSS17 table in {folder} (looked for {', '.join(FILE_NAMES)}, there and in its folder star); "
        "set SKYSORT_DATA to the data folder, or give the file with --data"
    )


def load(path: Path) -> Dataset:
    """Read and check an SDSS17 table.

    Dropped and counted: rows with the sentinel -9999 in a band (one in the original file), and
    repeated objects (the same five magnitudes; the first row stays). Anything else that is wrong
    is an error, because a training set should not lose rows in silence. Redshifts of exactly 0 are
    of fits that failed and become NaN; split leaves those objects out of both parts.

    Raises NotFoundError, MalformedInputError (not a CSV file), EmptyInputError (no rows), or
    InvalidFieldsError (columns, values out of their physical range, unknown classes).
    """
    if not path.is_file():
        raise NotFoundError(f"{path} is not a file")
    table = _read(path)
    labels = _labels(table[CLASS_COLUMN])
    values = np.column_stack([_numbers(table[name], name) for name in MEASURED])
    photometry, _ = without_sentinels(Photometry(values[:, : len(BANDS)], values[:, -1]))

    reasons = check(photometry)
    unmeasured = (reasons[:, : len(BANDS)] == Reason.SENTINEL).any(axis=1)
    reasons[unmeasured] = Reason.OK
    _refuse_bad_values(reasons, values)
    repeated = pd.DataFrame(photometry.magnitudes).duplicated().to_numpy() & ~unmeasured
    kept = ~(unmeasured | repeated)
    if not kept.any():
        raise EmptyInputError(f"{path.name} has no usable row")
    return Dataset(
        photometry.take(kept),
        labels[kept],
        path.name,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        {"sentinel": int(unmeasured.sum()), "repeated": int(repeated.sum())},
    )


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, usecols=_is_needed)
    except (ValueError, UnicodeDecodeError, EOFError, OSError) as problem:
        raise MalformedInputError(f"{path.name} cannot be read as CSV: {problem}") from problem
    table.columns = pd.Index([_column(name) for name in table.columns])
    needed = (*MEASURED, CLASS_COLUMN)
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InvalidFieldsError(
            [describe(name, Reason.MISSING) for name in missing],
            f"{path.name} lacks the columns {', '.join(missing)}; an SDSS17 table has {', '.join(needed)}",
        )
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InvalidFieldsError([describe(str(name), Reason.REPEATED_FIELD) for name in twice])
    if table.empty:
        raise EmptyInputError(f"{path.name} has a header and no rows")
    return table


def _column(name: str) -> str:
    return CLASS_COLUMN if name.strip().lower() == CLASS_COLUMN else canonical(name) or name


def _is_needed(name: str) -> bool:
    return _column(name) in (*MEASURED, CLASS_COLUMN)


def _labels(classes: pd.Series[str]) -> NDArray[np.int64]:
    codes = pd.Index(LABELS).get_indexer(pd.Index(classes))
    unknown = sorted({str(value) for value in classes[codes < 0]})
    if unknown:
        shown = ", ".join(unknown[:SHOWN])
        raise InvalidFieldsError([], f"unknown classes {shown}; the column class holds {', '.join(LABELS)}")
    return codes.astype(np.int64)


def _numbers(column: pd.Series[float], name: str) -> NDArray[np.float64]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(numbers))
    if len(wrong):
        value = column.iloc[wrong[0]]
        reason = Reason.MISSING if pd.isna(value) else Reason.NOT_A_NUMBER
        problem = describe(name, reason, value)
        raise InvalidFieldsError(
            [problem], f"{len(wrong)} rows without a usable {name}; row {wrong[0] + 1}: {name} {problem.detail}"
        )
    return numbers


def _refuse_bad_values(reasons: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
    bad = np.argwhere(reasons != Reason.OK)
    if not len(bad):
        return
    problems = [describe(MEASURED[c], Reason(reasons[r, c]), float(values[r, c])) for r, c in bad[:SHOWN]]
    shown = "; ".join(f"row {r + 1}: {p.field} {p.detail}" for (r, _), p in zip(bad, problems, strict=False))
    more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    raise InvalidFieldsError(problems, shown + more)
