"""A small table in each format that is read."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import Table
from pyarrow import parquet as pq

from skysort.star.tables.detect import Format
from tests.fakes.tables import ROW, columns, lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS: Final = 12


def as_fits(made: Mapping[str, Any]) -> bytes:
    """Columns as a FITS binary table."""
    out = io.BytesIO()
    hdu = fits.BinTableHDU.from_columns([fits.Column(name, "D", array=values) for name, values in made.items()])
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


def as_votable(made: Mapping[str, Any], kind: str = "tabledata") -> bytes:
    """Columns as a VOTable."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from_table(Table(dict(made))).to_xml(out, tabledata_format=kind)
    return out.getvalue()


def as_parquet(made: Mapping[str, Any], **options: Any) -> bytes:
    """Columns as a Parquet table."""
    out = io.BytesIO()
    pq.write_table(pa.table(dict(made)), out, **options)
    return out.getvalue()


def as_text(made: Mapping[str, Any], kind: str, **options: Any) -> bytes:
    """Columns, or a Table, as one of astropy's text formats; NaN is masked."""
    table = made if isinstance(made, Table) else Table({name: np.ma.masked_invalid(made[name]) for name in made})
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.write(out, format=kind, **options)
    return out.getvalue().encode()


SAMPLES: Final = {
    Format.CSV: lines(ROW, ROW),
    Format.FITS: as_fits(columns(_ROWS)),
    Format.VOTABLE: as_votable(columns(_ROWS)),
    Format.PARQUET: as_parquet(columns(_ROWS)),
    Format.ECSV: as_text(columns(_ROWS), "ascii.ecsv"),
    Format.IPAC: as_text(columns(_ROWS), "ascii.ipac"),
}
