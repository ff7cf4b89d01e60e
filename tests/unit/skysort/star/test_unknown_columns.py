"""Unknown columns that were meant for measured ones, and those that were not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.limits import GUESSED_COLUMNS, TABLE_COLUMNS
from skysort.star import unknown_columns
from skysort.star.spellings import BANDS, MEASURED, SPELLINGS
from skysort.star.unknown_columns import (
    instead_of,
    is_estimated_redshift,
    is_other,
    misspelt,
    nearest,
    other_magnitudes,
)


def test_a_misspelt_redshift_is_reported_only_where_redshift_is_absent() -> None:
    assert [error.field for error in misspelt(["u", "g", "r", "i", "z", "redshfit"], BANDS)] == ["redshfit"]
    assert misspelt(["u", "g", "r", "i", "z", "redshift", "redshift_err"], MEASURED) == []
    assert misspelt(["u", "g", "r", "i", "z", "comment"], BANDS) == []
    assert nearest("redshfit") == "redshift"


@pytest.mark.parametrize("name", ["v_helio", "best", "qso", "zp", "z_phot", "z_err", "zWarning", "z_cmb", "zph"])
def test_columns_that_are_no_redshift_are_not_taken_for_a_misspelt_one(name: str) -> None:
    assert misspelt([*BANDS, name], BANDS) == []


@pytest.mark.parametrize("name", ["redshfit", "Redshif", "z_helo", "z_noqso", "zspecz"])
def test_columns_that_look_like_a_redshift_are_asked_about(name: str) -> None:
    (error,) = misspelt([*BANDS, name], BANDS)
    assert error.detail == "is not a known field; did you mean 'redshift'?"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "MAG_AUTO",
            "err_u",
            "u_err",
            "e_umag",
            "umag_err",
            "umagerr",
            "MAGERR_u",
            "modelMagErr_u",
            "extinction_u",
            "A_u",
        ),
        *(
            "psfMagErr_u",
            "modelFlux_u",
            "psfflux_u",
            "umag_flag",
            "z_spec_err",
            "redshift_err",
            "e_redshift",
            "redshift_q",
        ),
        *("photoz", "redshift_phot", "zphot", "zspec_min", "q_zsp", "u_ivar", "ebv", "redshift_flag", "x" * 1_000, ""),
    ],
)
def test_no_error_and_no_other_quantity_is_suggested(name: str) -> None:
    assert nearest(name) is None


@pytest.mark.parametrize(
    ("name", "meant"), [("u_mag", "u"), ("modelmagu", "u"), ("gmagg", "g"), ("redsihft", "redshift")]
)
def test_a_slip_of_one_or_two_letters_is_told(name: str, meant: str | None) -> None:
    assert nearest(name) == meant


@pytest.mark.parametrize(
    "kind",
    ["M_{}", "{}Kmag", "absmag_{}", "modelMag", "psfmag", "{}petromag", "mag_iso_{}", "mag_y", "bmag", "psfMag_Y"],
)
def test_a_magnitude_that_is_not_sdsss_is_no_misspelt_one(kind: str) -> None:
    assert misspelt([kind.format(band) for band in "ugriz"], {}) == []


def test_a_table_of_many_columns_is_asked_about_the_first_unknown_ones_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    asked: list[str] = []
    monkeypatch.setattr(unknown_columns, "nearest", asked.append)
    # When
    misspelt([f"zspecx{number}" for number in range(TABLE_COLUMNS)], BANDS)
    # Then
    assert len(asked) == GUESSED_COLUMNS


@pytest.mark.parametrize("name", ["z" * 60, "zspecredshift" * 4, "redshifted" * 6])
def test_what_a_long_name_costs_grows_with_its_length_alone(name: str) -> None:
    looked_up = list(unknown_columns._shortened(name, 1))
    assert len(looked_up) <= len(name) + 1
    assert sum(map(len, unknown_columns._known().values())) < 20_000


@given(st.text(max_size=80))
def test_any_name_is_known_by_a_measured_column_or_none(name: str) -> None:
    assert nearest(name) in {None, *SPELLINGS.values()}


@given(st.sampled_from([each for each in SPELLINGS if len(each) > 5]), st.data())
def test_a_letter_left_out_of_a_long_name_is_found_again(spelling: str, data: st.DataObject) -> None:
    # Given a name without one of its letters
    at = data.draw(st.integers(1, len(spelling) - 1))
    given_name = spelling[:at] + spelling[at + 1 :]
    # Then it is taken for a name that it is as much like as that one; of its own words some say something else
    assert nearest(given_name) is not None or is_other(given_name) or given_name in SPELLINGS


def test_the_letters_left_out_are_every_one_and_every_two() -> None:
    assert set(unknown_columns._shortened("abc", 2)) == {
        "".join(kept) for count in (3, 2, 1) for kept in itertools.combinations("abc", count)
    }
    assert all(column in MEASURED for column in BANDS)


@pytest.mark.parametrize(
    ("name", "band", "what"),
    [
        ("MAG_GAAP_u", "u", "GAaP"),
        ("mag_gaap_0p7_g", "g", "GAaP"),
        ("gMeanPSFMag", "g", "Pan-STARRS"),
        ("rKmag", "r", "Kron"),
        ("yPSFMag", "", "Pan-STARRS or LSST"),
        ("phot_g_mean_mag", "", "Gaia"),
        ("BPmag", "", "Gaia"),
        ("Jmag", "", "2MASS"),
        ("k_m", "", "2MASS"),
        ("W1mag", "", "WISE"),
        ("petroMag_r", "r", "Petrosian"),
        ("fiber2Mag_z", "z", "fibre"),
        ("devMag_i", "i", "profile"),
        ("MAG_AUTO", "", "SExtractor"),
        ("mag_auto_g", "g", "SExtractor"),
        ("u_mag_aper_3", "u", "SExtractor"),
        ("umag_vega", "u", "Vega"),
        ("modelFlux_u", "u", "a flux"),
        ("u_flux", "u", "a flux"),
        ("g_cModelFlux", "g", "a flux"),
        ("u_gaap1p0Mag", "u", "GAaP"),
        ("WAVG_MAG_PSF_R", "r", "DES"),
        ("u_psf", "u", "SkyMapper"),
        ("M_r", "r", "absolute"),
        ("Umag", "u", "Johnson"),
        ("mag_y", "", "another band"),
        ("absMag_G", "g", "absolute"),
    ],
)
def test_a_magnitude_that_is_not_sdsss_is_pointed_at_for_its_band(name: str, band: str, what: str) -> None:
    ((found, (own, kind)),) = other_magnitudes(["ra", name, "err_u"]).items()
    assert (found, own) == (band, name)
    assert what in kind


@pytest.mark.parametrize("name", ["u", "modelMag_u", "umag", "zmag", "mag_u", "redshift", "MAGERR_GAAP_x", "class", ""])
def test_what_is_known_is_pointed_at_in_no_sentence(name: str) -> None:
    assert other_magnitudes([name]) == {}


def test_a_sentence_says_what_the_column_is_and_a_fluxs_what_to_do() -> None:
    others = other_magnitudes(["MAG_GAAP_0p7_u", "MAG_GAAP_u", "modelFlux_g"])
    assert instead_of("u", others) == (
        "; MAG_GAAP_u is a GAaP magnitude, as KiDS has them, not the SDSS model magnitude that the model knows"
    )
    assert instead_of("g", others).endswith("give the magnitude, 22.5 - 2.5 log10(flux) of one in nanomaggies")
    assert instead_of("r", others) == ""


@pytest.mark.parametrize(
    "name", ["zphot", "Z_PHOT", "photoz_best", "redshift_phot", "photometricRedshift", "ZB", "Z_ML"]
)
def test_redshifts_from_photometry_are_known_by_their_names(name: str) -> None:
    assert is_estimated_redshift(name)


@pytest.mark.parametrize(
    "name",
    ["z", "z_spec", "zsp", "redshift", "photo_flags", "phot_g_mean_mag", "zphot_err", "e_zphot", "photflag", "zb_min"],
)
def test_other_names_are_none(name: str) -> None:
    assert not is_estimated_redshift(name)


@given(st.text(max_size=200))
def test_any_name_is_judged(name: str) -> None:
    assert isinstance(is_other(name), bool)
    assert isinstance(is_estimated_redshift(name), bool)
    assert set(other_magnitudes([name])) <= {*"ugriz", ""}
