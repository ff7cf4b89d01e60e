"""FITS tables as archives write them: CasJobs's dimensions, SDSS's arrays, numbers as text, fluxes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits

from skysort.errors import InputError, InvalidFieldsError, LimitExceededError, MalformedInputError
from skysort.fits_header import CARD
from skysort.star.tables import fits as fits_tables
from skysort.star.tables.wanted import asinh_magnitudes
from tests.fakes.tables import classify, columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROWS = 20
MADE = columns(ROWS)
MAGNITUDES = np.column_stack([MADE[band] for band in "ugriz"])


def written(*cols: Any) -> bytes:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(list(cols))]).writeto(out)
    return out.getvalue()


def doubles(made: Mapping[str, Any]) -> list[Any]:
    return [fits.Column(name, "D", array=values) for name, values in made.items()]


def with_cards(body: bytes, **cards: str) -> bytes:
    """The table with some cards in place of its own, or else of the header's fill."""
    for keyword, value in cards.items():
        new = f"{keyword:<8}= {value}".ljust(CARD).encode()
        old = body.find(f"{keyword:<8}= ".encode(), 2880)
        at = old if old >= 0 else body.index(b"END".ljust(CARD), 2880)
        end = b"" if old >= 0 else b"END".ljust(CARD)
        body = body[:at] + new + end + body[at + CARD + len(end) :]
    return body


def read(body: bytes) -> Any:
    with fits.open(io.BytesIO(body), memmap=False) as hdus:
        return hdus[1].data


def classes(folder: Path, body: bytes) -> list[str]:
    return list(read(classify(folder, body).table)["skysort_class"])


@pytest.mark.parametrize("one", ["'(1)     '", "'(1,1)   '"])
def test_a_casjobs_table_whose_every_column_has_dimension_one_is_read_whole(star_folder: Path, one: str) -> None:
    # Given TDIMn = (1), of a text too, where astropy takes it for a width
    names = np.array(["GALAXY", "QSO", "STAR", "STAR"] * 5)
    body = written(*doubles(MADE), fits.Column("class", "6A", array=names))
    body = with_cards(body, **{f"TDIM{number}": one for number in range(1, 8)})
    # When
    result = classify(star_folder, body)
    # Then every row is there, and a reader of the result sees whole words and plain numbers
    table = read(result.table)
    assert result.summary["rows"]["classified"] == ROWS
    assert list(table["class"]) == list(names)
    assert np.array_equal(table["u"], MADE["u"])
    assert list(table["skysort_class"]) == classes(star_folder, written(*doubles(MADE)))


@pytest.mark.needs_data
def test_casjobs_as_delivered(star_folder: Path, survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "catalogues" / "casjobs_all_tdim1.fits").read_bytes()
    table = read(classify(star_folder, body).table)
    assert len(table) == 30
    assert {name: list(table["class"]).count(name) for name in ("STAR", "GALAXY", "QSO")} == {
        "STAR": 20,
        "GALAXY": 7,
        "QSO": 3,
    }


def test_arrays_of_five_are_read_as_u_g_r_i_z(star_folder: Path) -> None:
    # Given photoObj's columns: a magnitude's five bands in one, Stokes U beside them, worse magnitudes too
    arrays = [
        fits.Column("U", "5E", array=np.ones((ROWS, 5))),
        fits.Column("PSFMAG", "5E", array=np.full((ROWS, 5), 99.0)),
        fits.Column("MODELMAG", "5D", array=MAGNITUDES),
        fits.Column("MODELMAGERR", "5E", array=np.ones((ROWS, 5))),
    ]
    # When
    result = classify(star_folder, written(*arrays, *doubles({"redshift": MADE["redshift"]})))
    # Then
    table = read(result.table)
    assert list(table["skysort_class"]) == classes(star_folder, written(*doubles(MADE)))
    assert np.array_equal(table["MODELMAG"], MAGNITUDES)
    assert "warnings" not in result.summary


def test_a_row_whose_array_has_a_sentinel_is_rejected_by_its_band(star_folder: Path) -> None:
    bad = MAGNITUDES.copy()
    bad[3, 1] = -9999
    result = classify(star_folder, written(fits.Column("PSFMAG", "5D", array=bad)))
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [
        ("4", "PSFMAG_g", "sentinel")
    ]


@pytest.mark.needs_data
def test_sdss_photoobj_as_delivered(star_folder: Path, survey_data: Path) -> None:
    # Given 19 objects of SDSS's own file, 8 of which have a magnitude that was not measured
    body = (survey_data.parent / "faults" / "catalogues" / "sdss_photoObj_arrays.fits").read_bytes()
    own = read(body)
    measured = (own["MODELMAG"] > 5).all(axis=1) & (own["MODELMAG"] < 35).all(axis=1)
    # When
    result = classify(star_folder, body)
    # Then
    assert result.summary["rows"] == {
        "total": len(own),
        "classified": int(measured.sum()),
        "rejected": int((~measured).sum()),
    }
    # And the fluxes beside the magnitudes give the same magnitudes
    assert np.allclose(asinh_magnitudes(own["MODELFLUX"])[measured], own["MODELMAG"][measured], atol=2e-3)


def test_magnitudes_as_text_are_read_as_in_a_csv(star_folder: Path) -> None:
    # Given
    texts = {band: [f"{value:.5f}" for value in MADE[band]] for band in "ugriz"}
    texts["u"][2], texts["g"][4], texts["r"][5] = "", "bright", "-9999"
    body = written(*[fits.Column(band, "9A", array=np.array(values)) for band, values in texts.items()])
    # When
    result = classify(star_folder, body)
    # Then
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [
        ("3", "u", "missing"),
        ("5", "g", "not_a_number"),
        ("6", "r", "sentinel"),
    ]
    assert "'bright'" in result.rejects[1]["detail"]


def fluxes() -> Any:
    """Fluxes whose asinh magnitudes are those of MADE; the inverse of the published formula."""
    softening = np.array([1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10])
    return 1e9 * 2 * softening * np.sinh(-MAGNITUDES * np.log(10) / 2.5 - np.log(softening))


@pytest.mark.parametrize("form", ["arrays", "columns", "units"])
def test_fluxes_in_nanomaggies_are_converted_with_a_remark(star_folder: Path, form: str) -> None:
    # Given
    flux = fluxes()
    redshift = doubles({"redshift": MADE["redshift"]})
    forms = {
        "arrays": [fits.Column("MODELFLUX", "5D", array=flux)],
        "columns": [fits.Column(f"psfFlux_{band}", "D", array=flux[:, at]) for at, band in enumerate("ugriz")],
        "units": [fits.Column(band, "D", unit="nmgy", array=flux[:, at]) for at, band in enumerate("ugriz")],
    }
    # When
    result = classify(star_folder, written(*forms[form], *redshift))
    # Then
    (warning,) = result.summary["warnings"]
    assert warning["code"] == "fluxes_converted"
    assert "asinh" in warning["detail"]
    assert warning["rows"] == ROWS
    assert list(read(result.table)["skysort_class"]) == classes(star_folder, written(*doubles(MADE)))


def test_magnitudes_of_some_bands_are_not_taken_for_fluxes(star_folder: Path) -> None:
    # Given fluxes of all bands, magnitudes of two, and the redshift under SpecObj's name
    cols = [fits.Column("MODELFLUX", "5D", array=fluxes()), *doubles({"psfMag_u": MADE["u"], "Z": MADE["redshift"]})]
    result = classify(star_folder, written(*cols))
    # Then
    assert result.summary["warnings"][0]["rows"] == ROWS
    assert list(read(result.table)["skysort_class"]) == classes(star_folder, written(*doubles(MADE)))
    # And with a magnitude z beside others it is none
    cols += doubles({"g": MADE["g"]})
    assert classify(star_folder, written(*cols)).summary["variants"]["photometry_only"] == ROWS


def test_fluxes_in_another_unit_are_refused(star_folder: Path) -> None:
    body = written(fits.Column("MODELFLUX", "5D", unit="uJy", array=fluxes()))
    with pytest.raises(InvalidFieldsError, match="MODELFLUX_u: is in uJy"):
        classify(star_folder, body)


@pytest.mark.parametrize("unit", ["luptitude", "mag(AB)", "asinh mag", "mag"])
def test_units_of_the_magnitudes_that_are_meant_are_accepted(star_folder: Path, unit: str) -> None:
    body = written(*[fits.Column(band, "D", unit=unit, array=MADE[band]) for band in "ugriz"])
    assert classify(star_folder, body).summary["rows"]["classified"] == ROWS


def test_fluxes_do_not_stand_in_for_magnitudes_that_are_refused(star_folder: Path) -> None:
    vega = [fits.Column(band, "D", unit="mag(Vega)", array=MADE[band]) for band in "ugriz"]
    with pytest.raises(InvalidFieldsError, match="Vega"):
        classify(star_folder, written(*vega, fits.Column("MODELFLUX", "5D", array=fluxes())))


def test_bright_objects_have_the_magnitudes_of_pogsons_formula() -> None:
    # m = 22.5 - 2.5 log10(f), SDSS DR17: flux units
    assert np.allclose(asinh_magnitudes(np.full((1, 5), 1000.0)), 15.0, atol=1e-3)


def test_a_compressed_image_is_no_table(star_folder: Path) -> None:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((40, 40), np.int16))]).writeto(out)
    with pytest.raises(InputError, match="no binary table: it is an image"):
        classify(star_folder, out.getvalue())


GOOD = written(*doubles(MADE))


@pytest.mark.parametrize(
    ("cards", "sentence"),
    [
        ({"THEAP": "-1000000000"}, "THEAP = -1,000,000,000"),
        ({"THEAP": "999999999999"}, "THEAP"),
        ({"PCOUNT": "-1000"}, "PCOUNT = -1,000"),
        ({"NAXIS1": "9999999999"}, "truncated"),
        ({"NAXIS1": "8"}, "columns up to g take 16 bytes"),
        ({"NAXIS2": "-5"}, "NAXIS2 = -5"),
        ({"NAXIS2": "99999999999999999999"}, "truncated"),
        ({"NAXIS2": "20.5"}, "not a whole number"),
        ({"NAXIS2": "2           x"}, "NAXIS2 = 2 x, not a whole number"),
        ({"NAXIS": "1000000"}, "at most 999 axes"),
        ({"TFIELDS": "1000000000"}, "TFIELDS"),
        ({"TFORM1": "'999999999999D'"}, "columns up to u take"),
        ({"TFORM1": "'Z'"}, "TFORM1 = Z"),
        ({"BITPIX": "7"}, "BITPIX = 7"),
        ({"TSCAL1": "'many'"}, "TSCAL1 = many"),
        ({"ZTABLE": "T".rjust(20)}, "funpack"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else None,
)
def test_sizes_that_the_file_does_not_have_are_refused_before_anything_is_read(
    star_folder: Path, cards: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, with_cards(GOOD, **cards))


def test_a_row_of_more_than_64_mebibytes_is_refused(star_folder: Path) -> None:
    # Given one row with a picture in it
    body = with_cards(GOOD, NAXIS1=str(65 * 2**20), NAXIS2="1") + bytes(65 * 2**20)
    with pytest.raises(LimitExceededError, match="a row of the FITS table"):
        classify(star_folder, body)


@pytest.mark.needs_data
def test_a_heap_before_the_file_is_refused(star_folder: Path, survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "hostile" / "fits_theap_-1000000000.fits").read_bytes()
    with pytest.raises(MalformedInputError, match="THEAP"):
        classify(star_folder, body)


def test_headers_and_extensions_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(fits_tables, "FITS_TABLE_CARDS", 100)
    monkeypatch.setattr(fits_tables, "FITS_EXTENSIONS", 3)
    primary = GOOD[:2880]
    long = primary + b"XTENSION= 'IMAGE   '".ljust(CARD) + b"COMMENT ".ljust(CARD) * 400
    extension = b"XTENSION= 'IMAGE   '".ljust(CARD) + b"NAXIS   =   0".ljust(CARD) + b"END".ljust(CARD)
    many = primary + extension.ljust(2880) * 5
    # When / Then
    with pytest.raises(LimitExceededError, match="100 cards"):
        list(fits_tables.headers(long))
    with pytest.raises(LimitExceededError, match="3 extensions"):
        list(fits_tables.headers(many))


def test_a_name_that_goes_on_in_the_next_card_is_read_whole(star_folder: Path) -> None:
    # Given a name continued over two cards, as the long string convention has it, and one with a quote in it
    note = fits.Column("note", "E", array=np.arange(ROWS), unit="x")
    body = written(*doubles(MADE), note)
    body = with_cards(body, TTYPE7="'a name that&'").replace(
        b"TFORM7  = 'E       '".ljust(CARD), b"CONTINUE  ' goes on'".ljust(CARD) + b"TFORM7  = 'E'".ljust(CARD)
    )
    end = body.index(b"END".ljust(CARD), 2880)
    body = body[: end + CARD] + body[end + 2 * CARD :]
    # When it is classified twice, Then the second time the appended columns are replaced and the name stands
    once = classify(star_folder, body).table
    assert b"CONTINUE  ' goes on'" in once
    assert classify(star_folder, once).table == once


def test_a_table_too_wide_for_the_appended_columns_is_refused(star_folder: Path) -> None:
    extra = [fits.Column(f"c{number}", "B", array=np.zeros(ROWS, np.uint8)) for number in range(990)]
    with pytest.raises(LimitExceededError, match="there may be 999"):
        classify(star_folder, written(*doubles(MADE), *extra))


def test_a_measured_name_on_a_column_of_arrays_is_told(star_folder: Path) -> None:
    body = written(
        *doubles({band: MADE[band] for band in "ugriz"}), fits.Column("redshift", "2D", array=MAGNITUDES[:, :2])
    )
    with pytest.raises(InvalidFieldsError, match="redshift: has the FITS format 2D"):
        classify(star_folder, body)


def test_what_topcat_saved_is_read_by_it_as_its_own_header_describes_it(star_folder: Path) -> None:
    # Given a table that TOPCAT wrote, with a VOTable that describes the columns in the array of the primary HDU
    text = b"<VOTABLE><RESOURCE><TABLE><FIELD name='u' datatype='double'/></TABLE></RESOURCE></VOTABLE>"
    primary = fits.PrimaryHDU(np.frombuffer(text, np.uint8))
    primary.header.insert("NAXIS1", ("VOTMETA", True, "Table metadata in VOTable format"), after=True)
    out = io.BytesIO()
    fits.HDUList([primary, fits.BinTableHDU.from_columns(doubles(MADE))]).writeto(out)
    body = out.getvalue()
    extend, mark = body[320:400], body[400:480]
    body = body[:320] + mark + extend + body[480:]
    assert body[320:350] == b"VOTMETA =                    T"
    # When
    table = classify(star_folder, body).table
    # Then the description, which has no appended columns, is marked as such no more
    with fits.open(io.BytesIO(table)) as hdus:
        assert hdus[0].header["VOTMETA"] is False
        assert hdus[0].data.tobytes() == text
        assert len(hdus[1].columns) == len(MADE) + 7
    assert len(table) % 2880 == 0
