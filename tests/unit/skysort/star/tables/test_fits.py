"""FITS tables in, classified FITS tables out."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits

from skysort.errors import InputError
from skysort.star.tables import fits as module
from tests.fakes.tables import APPENDED, classify, columns

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 50


def column(name: str, values: Any, kind: str = "D", **options: Any) -> Any:
    return fits.Column(name=name, format=kind, array=values, **options)


def measured(**changes: Any) -> list[Any]:
    """The measured columns; a change replaces one."""
    made = {name: column(name, values) for name, values in columns(ROWS).items()}
    return list({**made, **changes}.values())


def fits_file(*cols: Any, before: Any = None, after: Any = None) -> bytes:
    table = fits.BinTableHDU.from_columns(list(cols), name="STARS")
    table.header["OBSERVER"] = ("Vera", "who looked")
    extra = [hdu for hdu in (before, table, after) if hdu is not None]
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *extra]).writeto(out, checksum=True)
    return out.getvalue()


def opened(body: bytes) -> Any:
    hdus = fits.open(io.BytesIO(body), checksum=True)
    hdus.verify("exception")
    return hdus


def test_columns_units_and_other_extensions_stay(star_folder: Path) -> None:
    # Given a table with all kinds of columns between two images
    numbers = np.arange(ROWS, dtype=np.int64) + 2**60
    names = np.array([f"star {n}" for n in range(ROWS)])
    ragged = np.array([np.arange(n % 4) for n in range(ROWS)], dtype=object)
    cols = [
        column("objid", numbers, "K"),
        column("name", names, "8A"),
        column("spectrum", ragged, "PJ()"),
        column("flags", np.arange(ROWS) % 2 == 0, "L"),
        column("pair", np.zeros((ROWS, 2)), "2E"),
        *measured(u=column("psfMag_u", columns(ROWS)["u"], unit="mag")),
    ]
    images = [fits.ImageHDU(np.full((3, 3), value)) for value in (1, 2)]
    body = fits_file(*cols, before=images[0], after=images[1])

    # When
    result = classify(star_folder, body)

    # Then
    before, after = opened(body), opened(result.table)
    assert len(after) == 4
    assert after[1].data.sum() == 9
    assert after[3].data.sum() == 18
    old, new = before[2], after[2]
    assert new.header["OBSERVER"] == "Vera"
    assert new.columns["psfMag_u"].unit == "mag"
    assert new.columns.names == [*old.columns.names, *APPENDED]
    for name in ("objid", "name", "flags", "pair", "psfMag_u", "redshift"):
        assert np.array_equal(new.data[name], old.data[name], equal_nan=name == "redshift")
    assert new.header["TUCD12"] == "meta.code.class"
    assert new.header["TUCD13"] == "stat.probability"
    assert new.header["TCOMM13"] == "calibrated probability of GALAXY"
    assert [list(cell) for cell in new.data["spectrum"]] == [list(cell) for cell in ragged]
    assert set(new.data["skysort_class"]) <= {"GALAXY", "QSO", "STAR"}
    total = sum(new.data[name] for name in APPENDED[1:4])
    assert np.allclose(total, 1)
    assert result.summary["variants"]["photometry_only"] == 17


def test_it_agrees_with_the_same_table_as_csv(star_folder: Path) -> None:
    # Given
    made = columns(ROWS)
    text = ",".join(made) + "\n"
    for values in zip(*made.values(), strict=True):
        text += ",".join("" if np.isnan(value) else repr(float(value)) for value in values) + "\n"

    # When
    rows = classify(star_folder, text.encode()).rows
    table = opened(classify(star_folder, fits_file(*measured())).table)[1].data

    # Then
    for name in ("skysort_class", "skysort_set", "skysort_variant", "skysort_model"):
        assert [row[name] for row in rows] == list(table[name])
    assert np.allclose([float(row["skysort_p_qso"]) for row in rows], table["skysort_p_qso"], atol=1e-6)


def test_rejected_rows_are_left_out_and_named(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a sentinel and a NaN, in blocks of 8 rows
    monkeypatch.setattr(module, "_ROWS", 8)
    made = columns(ROWS)
    made["u"][9] = -9999
    made["g"][20] = np.nan
    body = fits_file(*measured(u=column("u", made["u"]), g=column("g", made["g"], "E")))

    # When
    result = classify(star_folder, body)

    # Then
    table = opened(result.table)[1]
    assert len(table.data) == len(table.data["i"]) == ROWS - 2
    assert [(reject["row"], reject["line"], reject["column"], reject["reason"]) for reject in result.rejects] == [
        ("10", "", "u", "sentinel"),
        ("21", "", "g", "missing"),
    ]
    assert np.array_equal(table.data["i"], np.delete(made["i"], [9, 20]))


@pytest.mark.parametrize("scale", [1, 0.01])
def test_an_integers_null_is_a_missing_value(star_folder: Path, scale: float) -> None:
    # Given a column of integers, perhaps scaled, with a null
    red = np.full(ROWS, round(20 / scale), np.int16)
    red[3] = -1
    body = fits_file(*measured(r=column("r", red, "I", null=-1)))
    card = next(body[at : at + 80] for at in range(0, len(body), 80) if body[at:].startswith(b"OBSERVER"))
    body = body.replace(card, f"TSCAL3  = {scale:>20}".ljust(80).encode())

    # When
    result = classify(star_folder, body)

    # Then
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [("4", "r", "missing")]
    with opened(result.table) as hdus:
        assert np.allclose(hdus[1].data["r"], 20)


def test_a_result_dropped_again_is_classified_anew(star_folder: Path) -> None:
    once = classify(star_folder, fits_file(*measured(), column("note", np.arange(ROWS), "J", unit="s"))).table
    assert classify(star_folder, once).table == once


def test_a_gzipped_file_comes_out_gzipped(star_folder: Path) -> None:
    body = fits_file(*measured())
    result = classify(star_folder, gzip.compress(body))
    assert gzip.decompress(result.table) == classify(star_folder, body).table
    assert result.summary["format"] == "fits.gz"


def without_table() -> bytes:
    out = io.BytesIO()
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (without_table(), "no binary table"),
        (fits_file(*measured())[:6000], "truncated"),
        (fits_file(*measured())[:3000], "FITS file"),
        (b"SIMPLE  =                    T" + b"x" * 9000, "ends inside a header"),
        (fits_file(*measured()[1:]), "no column u"),
        (fits_file(*measured(u=column("u", np.ones(ROWS) == 1, "L"))), "u: has the FITS format L"),
        (fits_file(*measured(u=column("u", np.zeros((ROWS, 2)), "2D"))), "u: has the FITS format 2D"),
        (fits_file(*measured(u=column("u", np.ones(ROWS), unit="nanomaggy"))), "nanomaggy"),
        (fits_file(*(column(name, []) for name in "ugriz")), "no rows"),
    ],
    ids=["image", "cut", "cut in header", "rubbish", "missing", "text", "array", "flux", "empty"],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_classified_is_refused_with_the_reason(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, body)


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_never_ends_in_another_error(star_folder: Path) -> None:
    body = bytearray(fits_file(*measured()))
    random = np.random.default_rng(5)
    for _ in range(150):
        damaged = bytearray(body)
        for at in random.integers(0, 8000, 6):
            damaged[at] = random.integers(32, 127)
        try:
            classify(star_folder, bytes(damaged))
        except InputError:
            continue


def test_a_table_of_unusable_rows_comes_out_empty_with_every_reason(star_folder: Path) -> None:
    # Given a table whose u was never measured
    body = fits_file(*measured(u=column("u", np.full(ROWS, -9999.0))))

    # When
    result = classify(star_folder, body)

    # Then
    assert len(opened(result.table)[1].data) == 0
    assert [reject["reason"] for reject in result.rejects] == ["sentinel"] * ROWS
