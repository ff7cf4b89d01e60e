"""Twice as large a table costs twice the work, in every format and for the worst tables of each."""

from __future__ import annotations

import gzip
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from skysort.star.tables.detect import Format
from tests.fakes.tables import ROW, classify, columns, lines, row
from tests.unit.skysort.star.tables.samples import SAMPLES, as_fits, as_parquet, as_text, as_votable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CARD = 80
BANDS = "ugriz"


def calls(folder: Path, body: bytes) -> int:
    """How many functions, Python's and C's, are called to classify a table."""
    counted = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        classify(folder, body)
    finally:
        sys.setprofile(None)
    return counted


def fits_of_cards(size: int) -> bytes:
    """A table with comments for each of its cards, continued ones among them."""
    body = SAMPLES[Format.FITS]
    end = body.index(b"END".ljust(CARD), 2880)
    comments = (b"HISTORY x".ljust(CARD) + b"CONTINUE  'y&'".ljust(CARD)) * (36 * size // 40)
    header = body[2880:end] + comments + b"END".ljust(CARD)
    data_at = end + CARD + -(end + CARD) % 2880
    return body[:2880] + header + b" " * (-len(header) % 2880) + body[data_at:]


def fits_of_extensions(size: int) -> bytes:
    body = SAMPLES[Format.FITS]
    image = b"XTENSION= 'IMAGE   '".ljust(CARD) + b"NAXIS   =   0".ljust(CARD) + b"END".ljust(CARD)
    return body[:2880] + image.ljust(2880) * size + body[2880:]


def votable_of(what: str, size: int) -> bytes:
    body = SAMPLES[Format.VOTABLE].decode()
    return body.replace("<RESOURCE", what * size + "<RESOURCE", 1).encode()


def tiny_pages(size: int) -> bytes:
    out = io.BytesIO()
    made: dict[str, Any] = {band: np.linspace(18, 20, 100 * size) for band in BANDS}
    texts = pa.array([f"{n}" for n in range(100 * size)])
    pq.write_table(pa.table({**made, "note": texts}), out, data_page_size=64, write_batch_size=32)
    return out.getvalue()


WORST: dict[str, Callable[[int], bytes]] = {
    "csv": lambda size: lines(*[ROW] * (10 * size)),
    "csv rejects": lambda size: lines(*[row(u="x")] * (10 * size)),
    "gzip members": lambda size: gzip.compress(SAMPLES[Format.CSV]) + gzip.compress(b"") * (10 * size),
    "fits cards": fits_of_cards,
    "fits extensions": fits_of_extensions,
    "fits rows": lambda size: as_fits(columns(1_000 * size)),
    "votable rows": lambda size: as_votable(columns(10 * size)),
    "votable binary rows": lambda size: as_votable(columns(10 * size), "binary"),
    "votable infos": lambda size: votable_of('<INFO name="a" value="b"/>', 10 * size),
    "votable comments": lambda size: votable_of("<!-- -->", 10 * size),
    "parquet pages": tiny_pages,
    "parquet row groups": lambda size: as_parquet(columns(2 * size), row_group_size=1),
    "ecsv rows": lambda size: as_text(columns(10 * size), "ascii.ecsv"),
    "ecsv header": lambda size: SAMPLES[Format.ECSV].replace(b"# schema", b"# x: y\n" * (10 * size) + b"# schema"),
    "ipac rows": lambda size: as_text(columns(10 * size), "ascii.ipac"),
    "ipac keywords": lambda size: b"\\k=1\n" * (10 * size) + SAMPLES[Format.IPAC],
}


@pytest.mark.parametrize("worst", WORST)
def test_twice_the_table_costs_twice_the_calls(star_folder: Path, worst: str) -> None:
    # Given a table, twice and four times it; the first time what is imported and remembered costs more
    tables = [WORST[worst](size) for size in (50, 100, 200)]
    calls(star_folder, tables[0])
    small, middle, large = (calls(star_folder, table) for table in tables)
    # Then the second doubling costs at most twice what the first one did
    assert large - middle <= 2.2 * (middle - small) + 200
