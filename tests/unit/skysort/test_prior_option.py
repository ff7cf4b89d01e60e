"""The class shares of a request, in every form that they are given in."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import json_document
from skysort.errors import InvalidFieldsError
from skysort.prior_option import document, parse_prior

if TYPE_CHECKING:
    from skysort.errors import FieldError

LABELS = ("GALAXY", "QSO", "STAR")
labels = st.text(st.sampled_from("aBé:=-_1"), min_size=1, max_size=5)
text = st.text(st.sampled_from("GALAXYQSOTR,,:::.09e+-é "), max_size=40)
shares = st.floats(0, 1e9) | st.integers(0, 10**9)


@pytest.mark.parametrize(
    "value",
    [
        {"GALAXY": 9, "QSO": 0, "STAR": 1},
        {"galaxy": "0.9", "qso": 0.0, "star": 1e-1},
        "GALAXY:0.9, QSO:0,STAR:0.1",
        "STAR: 1,QSO:0.,GALAXY:+.9e1,",
    ],
)
def test_shares_are_read_in_any_order_case_and_unit(value: object) -> None:
    assert parse_prior(value, LABELS) == pytest.approx((0.9, 0.0, 0.1))


@pytest.mark.parametrize("value", ["QSO:1,STAR:3", {"STAR": 3, "QSO": 1, "GALAXY": 96}])
def test_of_chosen_labels_the_shares_among_them_count(value: object) -> None:
    assert parse_prior(value, LABELS, (1, 2)) == pytest.approx((0.25, 0.75))


def test_a_label_may_have_a_colon_and_a_hyphen() -> None:
    assert parse_prior("HII:region:1,AGN type 2:3", ("HII:region", "AGN-type-2")) == (0.25, 0.75)


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    assert parse_prior({"Dwarf": 1, "dwarf": 3}, ("Dwarf", "dwarf")) == (0.25, 0.75)


@pytest.mark.parametrize(
    ("value", "reason", "said"),
    [
        ({"GALAXY": 0.9, "QSO": 0.1}, "missing_label", "lacks the share of STAR; give 0"),
        ({}, "missing_label", "lacks the share of GALAXY, QSO, STAR"),
        ("GALAXY:1,QSO:1,STAR:1,STARS:1", "unknown_label", "Unknown label 'STARS'. Did you mean STAR?"),
        ("GALAXY:1,galaxy:1,QSO:1,STAR:1", "given_twice", "GALAXY is given twice"),
        ({"GALAXY": -1, "QSO": 1, "STAR": 1}, "not_a_share", "from 0 to 1e+15 (got -1)"),
        ({"GALAXY": True, "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ({"GALAXY": [1], "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ({"GALAXY": None, "QSO": 1, "STAR": 1}, "not_a_share", "(got null)"),
        ({"GALAXY": math.nan, "QSO": 1, "STAR": 1}, "not_a_share", "(got nan)"),
        ({"GALAXY": 10**400, "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ("GALAXY:90%,QSO:1,STAR:1", "not_a_share", "(got '90%')"),
        ("GALAXY:1_0,QSO:1,STAR:1", "not_a_share", "(got '1_0')"),
        ("GALAXY:inf,QSO:1,STAR:1", "not_a_share", "(got 'inf')"),
        ("GALAXY:\u0663,QSO:1,STAR:1", "not_a_share", "share of GALAXY"),
        ({"GALAXY": 0, "QSO": 0, "STAR": 0}, "not_a_share", "at least one share must be above 0"),
        ({"GALAXY": 1e308, "QSO": 1, "STAR": 0}, "not_a_share", "(got 1e+308)"),
        ("0.9,0.1,0", "not_shares", "as in GALAXY:0.9"),
        ("estimated", "not_shares", "(got 'estimated')"),
        (",", "not_shares", "as in GALAXY:0.9"),
        (["GALAXY"], "not_shares", "(got a list)"),
        (0.5, "not_shares", "(got 0.5)"),
    ],
)
def test_a_bad_prior_is_named_in_plain_words(value: object, reason: str, said: str) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_prior(value, LABELS)
    (error,) = caught.value.fields
    assert (error.field, error.reason) == ("prior", reason)
    assert said in error.detail


def test_a_label_that_json_repeats_is_given_twice() -> None:
    body = json_document.read('{"GALAXY": 1, "QSO": 1, "STAR": 1, "GALAXY": 2}')
    with pytest.raises(InvalidFieldsError, match="GALAXY is given twice"):
        parse_prior(body, LABELS)


def test_thousands_of_unknown_labels_cost_little_more_than_ten() -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_prior({f"{number}{'x' * 1_000}": 1 for number in range(5_000)}, LABELS)
    assert len(caught.value.fields) == 13


def test_answers_repeat_the_shares_by_label() -> None:
    prior = parse_prior("GALAXY:1000,QSO:1,STAR:0", LABELS)
    assert document(prior, LABELS, None) == {"GALAXY": 0.999001, "QSO": 0.000999001, "STAR": 0.0}
    assert document((0.25, 0.75), LABELS, (1, 2)) == {"QSO": 0.25, "STAR": 0.75}


@given(st.dictionaries(labels, shares, min_size=1, max_size=6).filter(lambda given: 0 < sum(given.values()) < math.inf))
def test_objects_and_text_mean_the_same(given_shares: dict[str, float]) -> None:
    names = tuple(sorted(given_shares, reverse=True))
    prior = parse_prior(given_shares, names)
    assert sum(prior) == pytest.approx(1)
    # As a client would write it in a body, and in a query
    assert parse_prior(json.loads(json.dumps(given_shares)), names) == prior
    assert parse_prior(",".join(f"{label}:{share!r}" for label, share in given_shares.items()), names) == prior


@given(
    text
    | st.dictionaries(st.sampled_from([*LABELS, "qso", "x"]), st.none() | st.booleans() | st.floats() | text)
    | st.lists(st.integers())
    | st.integers()
)
def test_any_value_is_shares_or_explained(value: Any) -> None:
    faults: list[FieldError] = []
    prior: tuple[float, ...] = ()
    try:
        prior = parse_prior(value, LABELS)
    except InvalidFieldsError as error:
        faults = error.fields
    assert bool(faults) != (len(prior) == len(LABELS) and math.isclose(sum(prior), 1))
    assert all(fault.field == "prior" and fault.detail for fault in faults)
