"""Tables of stars for tests, and the way of one through the table classifier without a bucket."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from skysort.drop.files import Draft, SourceFile
from skysort.s3.objects import Target
from skysort.star.model import StarModel
from skysort.star.tables.classifier import TableClassifier
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HEADER = "ra,dec,u,g,r,i,z,redshift"
ROW = "135.69,32.49,23.87882,22.2753,20.39501,19.16573,18.79371,0.6347936"
APPENDED = [
    "skysort_class",
    "skysort_p_galaxy",
    "skysort_p_qso",
    "skysort_p_star",
    "skysort_set",
    "skysort_variant",
    "skysort_model",
]


@dataclass(frozen=True)
class Classified:
    """What came of a table."""

    table: bytes
    rejected: bytes
    summary: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, str]]:
        """The classified rows of a CSV."""
        return list(csv.DictReader(io.StringIO(self.table.decode("utf-8-sig"), newline="")))

    @property
    def rejects(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.rejected.decode(), newline="")))


@cache
def load(folder: Path) -> StarModel:
    return StarModel.load(folder)


def classify(folder: Path, body: bytes) -> Classified:
    """Classify a table with the model of a folder; raises what the classifier raises."""
    store = MemoryStore()
    draft = Draft(store, lambda suffix, kind: Target("results", "table" + suffix, None, kind, {}))
    try:
        report = TableClassifier(load(folder)).classify(SourceFile(store, store.upload("table", body)), draft)
        for file in draft.files.values():
            file.commit(None)
    finally:
        draft.close()
    files = store.listing()
    return Classified(files["table"], files.get("table.rejected.csv", b""), dict(report.summary))


def lines(*rows: str, header: str = HEADER) -> bytes:
    """A CSV of these rows."""
    return "\n".join([header, *rows, ""]).encode()


def row(**cells: object) -> str:
    """The example row with some cells changed."""
    values = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    return ",".join(str({**values, **cells}[name]) for name in values)


def columns(rows: int, seed: int = 3) -> dict[str, NDArray[np.float64]]:
    """Measured columns of made-up objects, a third of them without a redshift."""
    random = np.random.default_rng(seed)
    made = {band: random.uniform(15, 24, rows) for band in "ugriz"}
    redshift = random.uniform(0, 3, rows)
    redshift[::3] = np.nan
    return {**made, "redshift": redshift}
