"""SDSS17 from a CSV file, the project's compact copy or Kaggle's original, and its split.

Both files are read by column name; other columns (run_ID, plate, fiber_ID, position ...) are ignored.

The split is decided by a hash of an object's five magnitudes and the seed, within its class: the fifth of each class
with the lowest hashes is the test split. So it is stratified, independent of the row order, and the same for the
compact copy and the original file.

Objects whose redshift fit failed (a redshift of exactly 0) are in neither part, since the label comes from the same
fit. They are ranked with the others, so that leaving them out does not move any other object.

The seed is 17, after SDSS17. It was chosen before any score was seen, and never changed. Tuning, calibration and
feature selection use the training part only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from model_export.common import files
from skysort.errors import EmptyInputError, InvalidFieldsError, MalformedInputError, NotFoundError
from skysort.star.columns import LABELS, Photometry, Reason, check, describe, without_sentinels
from skysort.star.spellings import BANDS, MEASURED, canonical

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


CLASS_COLUMN: Final = "class"
# The compact copy first, then the names of Kaggle's download.
FILE_NAMES: Final = ("sdss17.csv.gz", "star_classification.csv", "star_classification.csv.gz")
SOURCE: Final = (
    "Stellar Classification Dataset - SDSS17 (fedesoriano, Kaggle), drawn from the Sloan Digital Sky Survey, "
    "Data Release 17"
)
HYPERPARAMETERS: Final = Path(__file__).resolve().parent / "hyperparameters.json"
SEED: Final = 17
TEST_FRACTION: Final = 0.2
FOLDS: Final = 5
# SDSS17 has magnitudes to five decimals: hashing multiples of this step is independent of how they were parsed.
HASHED_STEP: Final = 1e-5
SHOWN: Final = 5  # bad values listed in a message


@dataclass(frozen=True, slots=True)
class Dataset:
    """n labelled objects.

    photometry: u, g, r, i, z in magnitudes and the redshift, float64; NaN for a missing redshift.
    labels: (n,) int64, index into skysort.star.columns.LABELS.
    dropped: number of rows left out, by reason.
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
        """Select objects by a mask or an index array, in its order."""
        return Dataset(self.photometry.take(rows), self.labels[rows], self.file_name, self.sha256, self.dropped)

    @property
    def has_redshift(self) -> NDArray[np.bool_]:
        """(n,) bool, whether the redshift was measured."""
        return ~np.isnan(self.photometry.redshift)

    def counts(self) -> dict[str, int]:
        """Objects in each class."""
        return dict(zip(LABELS, np.bincount(self.labels, minlength=len(LABELS)).tolist(), strict=True))


def find(folder: Path) -> Path:
    """The SDSS17 file in the data folder; raises NotFoundError."""
    candidates = [parent / name for name in FILE_NAMES for parent in (folder / "star", folder)]
    for path in candidates:
        if path.is_file():
            return path
    raise NotFoundError(
        f"no SDSS17 table in {folder} (looked for {', '.join(FILE_NAMES)}, also in its folder star); "
        "set SKYSORT_DATA to the data folder, or pass the file with --data"
    )


def load(path: Path) -> Dataset:
    """Read and check an SDSS17 table.

    Returns
    -------
    Dataset
        Without rows that have the sentinel -9999 in a band (one in the original file) and repeated objects (same five
        magnitudes; the first row is kept), which are counted. Redshifts of exactly 0 come from failed fits and
        become NaN; `split` leaves those objects out of both parts.

    Raises
    ------
    NotFoundError
        If the file does not exist.
    MalformedInputError
        If the file is not CSV.
    EmptyInputError
        If there is no usable row.
    InvalidFieldsError
        For missing columns, values out of their physical range, unknown classes: rows of a training set are never
        dropped silently.
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
        files.sha256(path.read_bytes()),
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
        raise EmptyInputError(f"{path.name} has a header but no rows")
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


@dataclass(frozen=True, slots=True)
class Split:
    """Row indices of the two parts, ascending.

    unmeasured: the objects without a redshift that would be in the test part.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    unmeasured: NDArray[np.intp]


def split(dataset: Dataset, seed: int = SEED) -> Split:
    """80 % training and 20 % test part in each class; objects without a redshift are in neither."""
    test = np.zeros(len(dataset), dtype=np.bool_)
    for rows in _ranked(dataset, seed):
        test[rows[: round(TEST_FRACTION * len(rows))]] = True
    measured = dataset.has_redshift
    return Split(*(np.flatnonzero(rows) for rows in (~test & measured, test & measured, test & ~measured)))


def folds(dataset: Dataset, seed: int = SEED, count: int = FOLDS) -> NDArray[np.int64]:
    """(n,) the fold from 0 to count - 1 in which each object is held out, stratified by class."""
    fold = np.empty(len(dataset), dtype=np.int64)
    for rows in _ranked(dataset, seed + 1):
        fold[rows] = np.arange(len(rows)) % count
    return fold


def held_out(fold: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(rows to fit, rows held out) for each fold."""
    for index in range(int(fold.max()) + 1):
        yield np.flatnonzero(fold != index), np.flatnonzero(fold == index)


def _ranked(dataset: Dataset, seed: int) -> Iterator[NDArray[np.intp]]:
    """The rows of each class, ordered by hash."""
    steps = np.round(dataset.photometry.magnitudes / HASHED_STEP).astype("<i8")
    salt = seed.to_bytes(8, "little")
    keys = [hashlib.blake2b(row.tobytes(), digest_size=8, key=salt).digest() for row in steps]
    order = np.argsort(np.array(keys, dtype="S8").view(">u8"), kind="stable")
    for label in np.unique(dataset.labels):
        yield order[dataset.labels[order] == label]


@dataclass(frozen=True)
class Workspace(files.Workspace):
    """The folders and files of a command.

    build: boosters, search journal, report. data: the SDSS17 table, or a folder that contains it.
    hyperparameters: the file written by tune and read by train.
    """

    model = "star"
    hyperparameters: Path = HYPERPARAMETERS

    @classmethod
    def of(cls, options: argparse.Namespace) -> Workspace:
        """Create the folders named by the options."""
        return replace(super().of(options), hyperparameters=options.hyperparameters or HYPERPARAMETERS)

    def dataset(self) -> Dataset:
        """The validated survey table."""
        return load(find(self.data) if self.data.is_dir() or not self.data.suffix else self.data)


def description(dataset: Dataset) -> dict[str, Any]:
    """Counts, hashes and the split, for the card."""
    parts = split(dataset)
    named = {"train": dataset.take(parts.train), "test": dataset.take(parts.test)}
    used = dataset.take(dataset.has_redshift)
    return {
        "name": "SDSS17",
        "file": dataset.file_name,
        "sha256": dataset.sha256,
        "rows": len(used),
        "dropped": {**dataset.dropped, "without_redshift": len(dataset) - len(used)},
        "classes": used.counts(),
        "splits": {
            name: {"rows": len(part), "classes": part.counts(), "sha256": fingerprint(part)}
            for name, part in named.items()
        },
    }


def fingerprint(part: Dataset) -> str:
    """A hash of the objects, independent of their order and file, to compare test splits."""
    values = np.column_stack([part.photometry.magnitudes, part.photometry.redshift, part.labels]).astype("<f8")
    return files.sha256(values[np.lexsort(values.T)].tobytes())
