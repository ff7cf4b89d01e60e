"""Columns of other surveys, errors and estimates, told by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.unknown_columns import instead_of, is_estimated_redshift, is_other, other_magnitudes


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
