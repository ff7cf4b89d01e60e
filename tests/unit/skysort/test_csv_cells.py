"""Names and messages in tables: never a formula, and never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import csv_cells
from skysort.csv_cells import text_cell, written_text
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "text",
    [
        *('=cmd|"/c calc"!A1', "+1", "-1.jpg", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1", "=\n"),
        *(" =1", "\N{NO-BREAK SPACE}=1", "\N{ZERO WIDTH SPACE}=1", "\ufeff=1", "\0=1", "' \t@SUM(A1)"),
    ],
)
def test_what_looks_like_a_formula_is_marked_as_text(text: str) -> None:
    assert text_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "-", "'-", "m31.jpg", "a=b", "'quoted'", "field 7/-1.jpg", "\N{GREEK SMALL LETTER ALPHA}"]
)
def test_other_text_is_written_as_it_is(text: str) -> None:
    assert text_cell(text) == text


def test_the_page_has_the_same_rule() -> None:
    script = (ROOT / "functions" / "site" / "js" / "download.js").read_text("utf-8")
    assert f"const FORMULA = /^{csv_cells._FORMULA.pattern}/su;" in script


@given(st.text(alphabet="'=+-@\t\r a1", max_size=6) | st.text(max_size=6))
def test_every_text_can_be_read_back(text: str) -> None:
    assert written_text(text_cell(text)) == text
    assert written_text(text) in {text, text.removeprefix("'")}
