"""Which of several names hold a quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.columns import ALIASES, BANDS, DEREDDENED, FAMILIES, IDENTIFIER, MEASURED, REDSHIFT
from skysort.star.names import choose

SDSS17 = [
    *("obj_ID", "alpha", "delta", *BANDS, "run_ID", "rerun_ID", "cam_col", "field_ID", "spec_obj_ID"),
    *("class", "redshift", "plate", "MJD", "fiber_ID"),
]
PLAIN = list(BANDS)
MODEL = [f"modelMag_{band}" for band in BANDS]
PSF = [f"psfMag_{band}" for band in BANDS]


def chosen(*names: str) -> dict[str, str]:
    """The name taken for each quantity; the names must be free of problems."""
    found = choose(names)
    assert found.problems == ()
    return {quantity: names[at] for quantity, at in found.positions.items()}


def problems(*names: str) -> dict[str, str]:
    return {problem.field: problem.reason for problem in choose(names).problems}


def test_the_survey_table_is_read_by_its_own_names() -> None:
    # Given / When
    found = chosen(*SDSS17)
    # Then
    assert found == {**{name: name for name in MEASURED}, IDENTIFIER: "obj_ID"}


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["specobjid", "objid"], "objid"),
        (["spec_obj_ID", "obj_ID"], "obj_ID"),
        (["name", "specobjid"], "specobjid"),
        (["objid", "id"], "id"),
        (["source_id", "name"], "source_id"),
        (["objid", "objid"], "objid"),
    ],
)
def test_the_first_identifier_in_order_of_precedence_is_taken(names: list[str], taken: str) -> None:
    assert chosen(*names)[IDENTIFIER] == taken


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (PSF + MODEL, "modelMag_u"),
        (PSF + [f"cModelMag_{band}" for band in BANDS], "cModelMag_u"),
        (PSF + PLAIN, "u"),
        (MODEL + PLAIN, "u"),
        ([*PSF, *MODEL[:4]], "psfMag_u"),
        ([*PSF, "u"], "psfMag_u"),
        (["psfMag_u", "gmag", "R", "ModelMag_i", "MAG_Z"], "psfMag_u"),
    ],
)
def test_the_first_whole_family_of_magnitudes_is_taken(names: list[str], first: str) -> None:
    assert chosen(*names)["u"] == first


@pytest.mark.parametrize("family", FAMILIES[1:])
def test_z_beside_a_whole_family_of_other_magnitudes_is_the_redshift(family: str) -> None:
    # Given a table like SDSS's SpecPhoto
    magnitudes = [family.format(band=band) for band in BANDS]
    # When / Then
    found = chosen("specobjid", *magnitudes, "z")
    assert (found["z"], found[REDSHIFT]) == (magnitudes[-1], "z")


@pytest.mark.parametrize(
    ("names", "redshift"),
    [
        ([*MODEL, "z", "redshift"], "redshift"),
        ([*MODEL, "z", "z_noqso", "z_vi"], "z"),
        ([*MODEL, *PLAIN], None),
        ([*MODEL, "r", "z"], None),
        ([*MODEL[:4], "z"], None),
        ([*PLAIN, "z_vi", "redshift", "z_pipe"], "redshift"),
        ([*PLAIN, "Z_HELIO"], "Z_HELIO"),
        ([*PLAIN, "z_phot"], None),
    ],
)
def test_which_column_is_the_redshift(names: list[str], redshift: str | None) -> None:
    assert chosen(*names).get(REDSHIFT) == redshift


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([*PLAIN, "Z"], {"Z": "repeated_field"}),
        ([*PLAIN, "U"], {"U": "repeated_field"}),
        ([*PLAIN, "z_vi", "z_pipe"], {"z_vi": "repeated_field"}),
        (["u", "g", "r", "i", "modelMag_u", "zmag"], {"modelMag_u": "repeated_field"}),
        ([f"dered_{band}" for band in BANDS], {f"dered_{band}": "dereddened" for band in BANDS}),
        ([*PLAIN, "dered_u"], {}),
        ([*SDSS17, "ra", "dec", "specobjid", "objid", "name"], {}),
    ],
)
def test_only_what_cannot_be_told_apart_is_a_problem(names: list[str], expected: dict[str, str]) -> None:
    assert problems(*names) == expected


def test_a_problem_says_what_would_be_right() -> None:
    (two,) = choose([*PLAIN, "z_vi", "z_pipe"]).problems
    assert two.detail == "is given twice: 'z_pipe' and 'z_vi' are both redshift; name the one to use 'redshift'"
    (z,) = choose([*PLAIN, "z"]).problems
    assert z.detail.endswith("keep the magnitude alone, and name a redshift 'redshift'")
    (dereddened,) = choose(["dered_u"]).problems
    assert "corrected for Galactic extinction" in dereddened.detail
    assert "modelMag" in dereddened.detail


EVERY = sorted(
    {
        *(name for names in ALIASES.values() for name in names),
        *MEASURED,
        *SDSS17,
        *(kind.format(band=band) for band in BANDS for kind in DEREDDENED),
    }
)


@given(st.lists(st.sampled_from(EVERY) | st.text(max_size=6)))
def test_any_names_are_placed_or_explained(names: list[str]) -> None:
    found = choose(names)
    assert all(0 <= at < len(names) for at in found.positions.values())
    assert len(set(found.positions.values())) == len(found.positions)
    assert not set(found.dereddened) & set(found.positions)
    assert all(problem.field in names and problem.detail for problem in found.problems)
    assert IDENTIFIER not in {problem.field for problem in found.problems}


@given(st.permutations([*SDSS17, *MODEL, *PSF]))
def test_the_order_of_the_columns_decides_nothing(names: list[str]) -> None:
    assert chosen(*names) == {**{name: name for name in MEASURED}, IDENTIFIER: "obj_ID"}
