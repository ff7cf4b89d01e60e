"""Which of several names hold a quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.names import choose
from skysort.star.spellings import ALIASES, BANDS, DEREDDENED, FAMILIES, IDENTIFIER, MEASURED, REDSHIFT

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
        ([f"dered_{band}" for band in BANDS], {}),
        ([f"dered_{band}" for band in BANDS[:4]], {f"dered_{band}": "dereddened" for band in BANDS[:4]}),
        (["dered_u", *BANDS[1:]], {"dered_u": "dereddened"}),
        ([*PLAIN, "dered_u"], {}),
        ([*SDSS17, "ra", "dec", "specobjid", "objid", "name"], {}),
    ],
)
def test_only_what_cannot_be_told_apart_is_a_problem(names: list[str], expected: dict[str, str]) -> None:
    assert problems(*names) == expected


def test_a_problem_says_what_would_be_right() -> None:
    (two,) = choose([*PLAIN, "z_vi", "z_pipe"]).problems
    assert two.detail == "is given twice: 'z_pipe' and 'z_vi' are both redshift; rename the one to use to 'redshift'"
    (z,) = choose([*PLAIN, "z"]).problems
    assert z.detail.endswith("keep only the magnitude, and rename a redshift to 'redshift'")
    (dereddened,) = choose(["dered_u"]).problems
    assert "corrected for Galactic extinction, but not all five bands are" in dereddened.detail
    assert "modelMag" in dereddened.detail


@pytest.mark.parametrize("kind", DEREDDENED)
def test_five_dereddened_magnitudes_are_taken_with_a_word(kind: str) -> None:
    # Given a table of nothing but dereddened magnitudes, and one with a stray magnitude as catalogued
    dereddened = [kind.format(band=band) for band in BANDS]
    for names in ([*dereddened, "redshift"], ["u", *dereddened, "redshift"]):
        # When
        found = choose(names)
        # Then all five are of the one kind
        assert [names[found.positions[band]] for band in BANDS] == dereddened
        assert [note.code for note in found.notes] == ["dereddened_magnitudes"]
        assert found.problems == ()


def test_magnitudes_as_catalogued_are_preferred_to_dereddened_ones() -> None:
    found = choose([*(f"dered_{band}" for band in BANDS), *MODEL])
    assert (found.positions["u"], found.notes) == (5, ())


def test_z_beside_dereddened_magnitudes_is_the_redshift() -> None:
    names = [*(f"dered_{band}" for band in BANDS), "z"]
    assert choose(names).positions[REDSHIFT] == 5


@pytest.mark.parametrize(
    "name", ["redshift_phot", "photoz", "z_phot", "ZPHOT", "zph", "Z_B", "photo_z", "z_photo_best"]
)
def test_a_redshift_from_photometry_is_left_out_with_a_word(name: str) -> None:
    found = choose([*PLAIN, name])
    assert (REDSHIFT in found.positions, found.problems) == (False, ())
    (note,) = found.notes
    assert (note.code, name in note.detail) == ("photometric_redshift", True)
    # And with a measured redshift beside it, or as the error of one, it is nothing to speak of
    assert choose([*PLAIN, name, "redshift"]).notes == ()
    assert choose([*PLAIN, f"{name}_err", "z_spec_err"]).notes == ()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["u", "g", "r", "i", "z_1", "z_2"], "'z_1' follows i and is probably the magnitude, 'z_2' the redshift"),
        (["z_1", "u", "g", "r", "i", "z_2"], "'z_2' follows i and is probably the magnitude, 'z_1' the redshift"),
        (["u", "g", "r", "i", "z_x", "ra", "z_y"], "'z_x' follows i"),
        (
            ["u", "g", "r", "i", "z", "class", "z.1"],
            "'z' follows i and is probably the magnitude, 'z.1' the redshift",
        ),
        (
            ["u", "g", "r", "i", "z", "mjd", "z1"],
            "'z' follows i and is probably the magnitude, 'z1' the redshift",
        ),
        (["z", "u", "g", "r", "i", "z1"], "'z1' follows i and is probably the magnitude, 'z' the redshift"),
        (["u", "g", "r", "i", "z.x", "z.y"], "'z.x' follows i and is probably the magnitude, 'z.y' the redshift"),
        ([*PLAIN, "z_right"], "'z' follows i and is probably the magnitude, 'z_right' the redshift"),
        ([*PLAIN, "z:1"], "'z' follows i and is probably the magnitude, 'z:1' the redshift"),
        (["z_1", "z_2", "i", "r", "g", "u"], "one is probably the z magnitude and the other the redshift"),
        ([*PLAIN, "redshift_1", "redshift_2"], "rename the one to use to 'redshift'"),
        ([*PLAIN, "zsp_1", "zsp_2"], "rename the one to use to 'redshift'"),
        (["u_1", "g", "r", "i", "z", "redshift", "u_2"], "rename the one to use to 'u'"),
    ],
)
def test_columns_that_a_join_renamed_are_named_and_told_apart(names: list[str], says: str) -> None:
    (problem,) = choose(names).problems
    assert problem.reason == "repeated_field"
    assert "had the same name before tables were joined" in problem.detail
    assert says in problem.detail


def test_johnsons_u_beside_his_b_and_v_is_no_u_of_sdss() -> None:
    # Given VizieR's columns of both systems, which differ in the case of a letter
    sdss = [f"{band}mag" for band in BANDS]
    assert chosen("Umag", "Bmag", "Vmag", "Rmag", "Imag", *sdss)["u"] == "umag"
    assert "u" not in choose(["Umag", "Bmag", "Vmag", *sdss[1:]]).positions
    # And without Johnson's other bands the case of a letter says nothing
    assert chosen("Umag", "Gmag", "Rmag", "Imag", "Zmag")["r"] == "Rmag"


@pytest.mark.parametrize("name", ["spectroscopic_redshift", "z_spectro", "Redshift (spec)", "redshift_true"])
def test_a_redshift_by_a_name_that_is_not_known_is_not_left_out_without_a_word(name: str) -> None:
    (note,) = choose([*PLAIN, name]).notes
    assert note.code == "redshift_not_known"
    assert name in note.detail
    assert choose([*PLAIN, name, "redshift"]).notes == ()


@pytest.mark.parametrize("name", ["redshift_err", "redshift_type", "specobjid", "zspec_flag", "spectype"])
def test_what_is_beside_a_redshift_is_none(name: str) -> None:
    assert choose([*PLAIN, name]).notes == ()


@pytest.mark.parametrize("names", [[*PLAIN, "redshift", "z_1", "z.1"], [*MODEL, "z", "z1"], [*PLAIN, "ra_1", "ra_2"]])
def test_renamed_columns_that_are_not_needed_are_passed_over(names: list[str]) -> None:
    assert choose(names).problems == ()


def test_gaias_g_beside_its_own_colours_is_no_g_of_sdss() -> None:
    # Given VizieR's names of SDSS and of Gaia, matched
    names = ["umag", "gmag", "rmag", "imag", "zmag", "Gmag", "BPmag", "RPmag"]
    assert chosen(*names)["g"] == "gmag"
    assert problems(*(name for name in names if name not in {"BPmag", "RPmag"})) == {"Gmag": "repeated_field"}
    assert "g" not in choose([name for name in names if name != "gmag"]).positions


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
    assert not found.explained & set(found.positions)
    assert all(problem.field in names and problem.detail for problem in found.problems)
    assert IDENTIFIER not in {problem.field for problem in found.problems}


@given(st.permutations([*SDSS17, *MODEL, *PSF]))
def test_the_order_of_the_columns_decides_nothing(names: list[str]) -> None:
    assert chosen(*names) == {**{name: name for name in MEASURED}, IDENTIFIER: "obj_ID"}
