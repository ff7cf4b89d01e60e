"""What is said of all inputs of a command together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from skysort_cli.wholes import Whole, merged, table_domain

if TYPE_CHECKING:
    from skysort.answers import TableDomain


def domain(code: str | None = None) -> TableDomain:
    """Of a table out of the domain for a reason, or of a good one."""
    cause = None if code is None else {"code": code, "detail": f"it is {code}"}
    document = {"typicality": 0.5, "in_domain": code is None, "rows_in_domain": 1.0, "cause": cause}
    return cast("TableDomain", document)


GOOD, VEGA, FAINT = domain(), domain("vega"), domain("faint_end")


@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        ([], None),
        ([GOOD] * 3, None),
        ([GOOD, VEGA], None),
        ([VEGA], VEGA),
        ([GOOD, VEGA, FAINT, VEGA], VEGA),
        ([FAINT, VEGA, VEGA, GOOD], VEGA),
    ],
)
def test_a_table_of_several_requests_is_what_most_of_its_pieces_are(
    pieces: list[TableDomain], verdict: TableDomain | None
) -> None:
    assert merged(pieces) == verdict


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"domain": None}, {"domain": []}, {"domain": {"in_domain": 1}}])
def test_what_a_service_does_not_say_is_not_known(answer: Any) -> None:
    assert table_domain(answer) is None


def test_a_cause_that_cannot_be_read_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Whole("rows")
    whole.add_summary("a.csv", {"domain": {"in_domain": False, "cause": {"code": 7}}, "typicality": "much"})
    whole.report(verbose=False)
    expected = "skysort: a.csv: as a whole the rows do not look like what the model was tested on\n"
    assert capsys.readouterr().err == expected


def test_many_tables_are_told_in_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Whole("rows")
    for number in range(23):
        whole.add_table(f"{number}.csv", VEGA)
    whole.report(verbose=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "skysort: and 3 more tables whose rows do not look like that"


def test_some_odd_inputs_are_told_of_where_people_read() -> None:
    whole = Whole("pictures")
    for in_domain in (False, *[True] * 39):
        whole.items.add({"typicality": 0.5 if in_domain else 0.0, "in_domain": in_domain})
    assert list(whole.lines(verbose=False)) == []
    assert list(whole.lines(verbose=True)) == ["1 of 40 pictures does not look like what the model was tested on"]
