"""Units of a table's columns."""

from __future__ import annotations

import pytest

from skysort.errors import InvalidFieldsError
from skysort.star.tables.header import check_units, locate

COLUMNS = locate(["u", "g", "r", "i", "z", "redshift"])


def problems(unit: str, column: int = 0) -> list[str]:
    units: list[str | None] = [None] * 6
    units[column] = unit
    try:
        check_units(COLUMNS, units)
    except InvalidFieldsError as error:
        return [f"{field.field}: {field.detail}" for field in error.fields]
    return []


@pytest.mark.parametrize(
    "unit",
    [
        "",
        " ",
        "mag",
        "MAG",
        "mag(AB)",
        "ABmag",
        "mag [AB]",
        "mag(SDSS)",
        "AB mag",
        "luptitude",
        "asinh mag",
        "magnitude",
        "[mag]",
        "-",
        "---",
        "none",
        "dimensionless",
    ],
)
def test_magnitudes_of_sdsss_system_are_taken(unit: str) -> None:
    assert problems(unit) == []


@pytest.mark.parametrize("unit", ["mag(Vega)", "vegamag", "mag.vega", "VEGAMAG", "mag Vega", "mag_Vega"])
def test_vega_magnitudes_are_refused(unit: str) -> None:
    (problem,) = problems(unit, 1)
    assert problem.startswith(f"g: is in {unit}, a magnitude of the Vega system; g must be an AB magnitude")


@pytest.mark.parametrize("unit", ["nanomaggy", "nmgy", "nanomaggies", "maggy", "mgy"])
def test_fluxes_are_refused_with_the_formula(unit: str) -> None:
    (problem,) = problems(unit)
    assert "22.5 - 2.5 log10(flux in nanomaggies)" in problem


@pytest.mark.parametrize("unit", ["mag/arcsec2", "mag arcsec**-2", "mmag", "Jy", "mag(ST)", "STmag", "km/s", "%"])
def test_other_units_are_refused(unit: str) -> None:
    (problem,) = problems(unit, 4)
    assert problem == f"z: is in {unit}; z must be an AB magnitude (mag)"


def test_a_velocity_is_no_redshift() -> None:
    assert problems("", 5) == problems("dimensionless", 5) == problems("-", 5) == []
    (problem,) = problems("km/s", 5)
    assert "is in km/s, which is a velocity" in problem
    (problem,) = problems("km s-1", 5)
    assert "divide by 299792.458 km/s" in problem
