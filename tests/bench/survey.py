"""A made-up survey of any size: rows of SDSS17 with noise, drawn with replacement. The same seed, the same bytes."""

from __future__ import annotations

import csv
import gzip
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from tests.conftest import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HEADER: Final = b"obj_ID,alpha,delta,u,g,r,i,z,redshift\n"
BLOCK_ROWS: Final = 1_000_000
# Every so many rows, one has no u magnitude but the number that stands for none, and is rejected.
REJECTED_EVERY: Final = 100_003
_MAGNITUDES: Final = ("u", "g", "r", "i", "z")
_NOISE: Final = 0.03
_MISSING: Final = -9999.0


def write_survey(path: Path, rows: int, *, seed: int = 17, processes: int = 2) -> int:
    """Write a CSV; returns its bytes."""
    starts = range(0, rows, BLOCK_ROWS)
    with path.open("wb") as file, ProcessPoolExecutor(processes) as pool:
        file.write(HEADER)
        for body in pool.map(partial(block, seed=seed), starts, (min(BLOCK_ROWS, rows - start) for start in starts)):
            file.write(body)
        return file.tell()


def columns(start: int, rows: int, *, seed: int = 17) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
    """The columns of the rows from a multiple of BLOCK_ROWS on."""
    random = np.random.default_rng((seed, start // BLOCK_ROWS))
    catalogue = _catalogue()
    drawn = catalogue[random.integers(len(catalogue), size=rows)]
    magnitudes = np.round(drawn[:, :5] + random.normal(0, _NOISE, (rows, 5)), 5)
    redshift = np.round(drawn[:, 5] * (1 + random.normal(0, _NOISE / 10, rows)), 7)
    number = np.arange(start + 1, start + rows + 1)
    magnitudes[number % REJECTED_EVERY == 0, 0] = _MISSING
    return {
        "obj_ID": number,
        "alpha": np.round(random.uniform(0, 360, rows), 6),
        "delta": np.round(random.uniform(-20, 80, rows), 6),
        **dict(zip(_MAGNITUDES, magnitudes.T, strict=True)),
        "redshift": redshift,
    }


def block(start: int, rows: int, *, seed: int = 17) -> bytes:
    """The lines of the rows from a multiple of BLOCK_ROWS on."""
    sink = pa.BufferOutputStream()
    table = pa.table({name: np.ascontiguousarray(values) for name, values in columns(start, rows, seed=seed).items()})
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False))
    return bytes(sink.getvalue())


@cache
def _catalogue() -> NDArray[np.float64]:
    with gzip.open(DATA / "star" / "sdss17.csv.gz", "rt", newline="") as file:
        rows = csv.DictReader(file)
        return np.array([[float(row[name]) for name in (*_MAGNITUDES, "redshift")] for row in rows])
