"""Options mean the same in a query, a form and JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InvalidFieldsError
from skysort.json_document import Repeated
from skysort.options import Options, combined, parse_options

LABELS = ("GALAXY", "QSO", "STAR")


def test_without_options_every_label_is_answered() -> None:
    assert parse_options({}, LABELS) == Options(3, None, explain=False)


@pytest.mark.parametrize("given_options", [{"top_k": 2, "explain": True}, {"top_k": "2", "explain": "true"}])
def test_text_and_numbers_mean_the_same(given_options: dict[str, Any]) -> None:
    assert parse_options(given_options, LABELS) == Options(2, None, explain=True)


@pytest.mark.parametrize("chosen", ["star, qso", ["STAR", "QSO"], ("qso", "star", "star")])
def test_labels_are_resolved_in_any_case_and_form(chosen: Any) -> None:
    assert parse_options({"labels": chosen}, LABELS) == Options(2, (1, 2), explain=False)


@pytest.mark.parametrize(
    ("given_options", "field", "says"),
    [
        ({"top_k": 0}, "top_k", r"from 1 to 10 \(got 0\)"),
        ({"top_k": "many"}, "top_k", r"whole number from 1 to 10 \(got 'many'\)"),
        ({"top_k": True}, "top_k", r"whole number from 1 to 10 \(got true\)"),
        ({"top_k": 2.5}, "top_k", r"whole number from 1 to 10 \(got 2.5\)"),
        ({"top_k": math.nan}, "top_k", "whole number from 1 to 10"),
        ({"top_k": math.inf}, "top_k", "whole number from 1 to 10"),
        ({"top_k": 10**4_000}, "top_k", r"\(got a number of about 4,000 digits\)"),
        ({"top_k": "9" * 5_000}, "top_k", "whole number from 1 to 10"),
        ({"top_k": "٣"}, "top_k", "whole number from 1 to 10"),
        ({"top_k": [3]}, "top_k", r"\(got a list\)"),
        ({"top_k": Repeated(("1", "2"))}, "top_k", "is given 2 times; give it once"),
        ({"explain": "perhaps"}, "explain", r"true or false \(got 'perhaps'\)"),
        ({"explain": 1}, "explain", r"true or false \(got 1\)"),
        ({"explain": {}}, "explain", r"true or false \(got an object\)"),
        ({"explain": Repeated(("true", "true"))}, "explain", "is given 2 times; give it once"),
        ({"labels": []}, "labels", "got an empty list"),
        ({"labels": ","}, "labels", "label names"),
        ({"labels": "STARS"}, "labels", "Did you mean STAR"),
        ({"labels": [1]}, "labels", "label names, as a list or separated by commas"),
        ({"labels": True}, "labels", r"\(got true\)"),
        ({"labels": Repeated(("STAR", 5))}, "labels", r"\(got 5\)"),
        ({"topk": 1}, "topk", "unknown option; choose from top_k, labels, explain$"),
        ({"prior": "GALAXY:1,QSO:1,STAR:1"}, "prior", "is for the star model and for models that you trained"),
    ],
)
def test_a_bad_option_is_named_in_plain_words(given_options: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidFieldsError, match=says) as raised:
        parse_options(given_options, LABELS)
    assert {error.field for error in raised.value.fields} == {field}
    assert not any(jargon in raised.value.detail for jargon in ("input", "valid", "tuple", "instance"))


@pytest.mark.parametrize("name", ["top_k", "labels", "explain", "prior"])
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_an_option_left_blank_in_a_form_is_not_given(name: str, blank: Any) -> None:
    assert parse_options({name: blank}, LABELS) == parse_options({}, LABELS)
    # and a blank one in the query does not replace the body's
    assert combined({"top_k": 2}, {name: blank}, LABELS) == {"top_k": 2}


def test_what_a_form_gives_once_and_leaves_blank_otherwise_is_given_once() -> None:
    assert parse_options({"top_k": Repeated(("", "2"))}, LABELS).top_k == 2
    assert not parse_options({"explain": Repeated(("", " "))}, LABELS).explain


def test_labels_given_twice_are_joined() -> None:
    for labels in (Repeated(("star", "qso,star")), Repeated((["STAR"], ["QSO"], None))):
        assert parse_options({"labels": labels}, LABELS).columns == (1, 2)


def test_three_and_three_point_nought_are_one_number_in_json() -> None:
    assert parse_options({"top_k": 3.0}, LABELS).top_k == 3


@given(st.dictionaries(st.sampled_from(["top_k", "labels", "explain", "x"]), st.text() | st.integers() | st.none()))
def test_any_options_are_either_resolved_or_explained(given_options: dict[str, Any]) -> None:
    try:
        options = parse_options(given_options, LABELS)
    except InvalidFieldsError as error:
        fields = error.fields
        assert all(field.detail for field in fields)
    else:
        assert 1 <= options.top_k <= 3


@pytest.mark.parametrize("shares", [{"GALAXY": 8, "QSO": 1, "STAR": 1}, "STAR:1,galaxy:8,qso:1"])
def test_a_prior_is_read_for_models_that_take_one(shares: object) -> None:
    options = parse_options({"prior": shares}, LABELS, no_prior="")
    assert options == Options(3, None, explain=False, prior=(0.8, 0.1, 0.1))
    # and another one is another key of the cache
    assert options != parse_options({"prior": "STAR:2,galaxy:8,qso:1"}, LABELS, no_prior="")


def test_a_prior_is_of_the_labels_that_are_chosen() -> None:
    given_options = {"labels": "STAR,QSO", "prior": "STAR:3,QSO:1"}
    assert parse_options(given_options, LABELS, no_prior="").prior == (0.25, 0.75)
    with pytest.raises(InvalidFieldsError, match="lacks the share of QSO"):
        parse_options({"labels": "STAR,QSO", "prior": "STAR:3,GALAXY:1"}, LABELS, no_prior="")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Repeated(("GALAXY:1", "QSO:1")), "is given 2 times; give it once"),
        ("GALAXY:1", "lacks the share of QSO, STAR"),
        ("GALAXY=1", "must have the share of each class"),
    ],
)
def test_a_bad_prior_is_told(value: object, says: str) -> None:
    with pytest.raises(InvalidFieldsError, match=says):
        parse_options({"prior": value}, LABELS, no_prior="")


def test_a_model_without_shares_says_why_it_takes_no_prior() -> None:
    with pytest.raises(InvalidFieldsError, match="prior: its card lacks them"):
        parse_options({"prior": "GALAXY:1"}, LABELS, no_prior="its card lacks them")


def test_of_two_priors_the_querys_wins_and_the_bodys_still_has_to_be_right() -> None:
    labels = {"labels": ["QSO", "STAR"]}
    body: dict[str, Any] = {**labels, "prior": {"QSO": 1, "STAR": 9}}
    assert combined(body, {"prior": "QSO:1,STAR:1"}, LABELS, no_prior="") == {**labels, "prior": "QSO:1,STAR:1"}
    with pytest.raises(InvalidFieldsError, match="lacks the share of STAR"):
        combined({**labels, "prior": {"QSO": 1}}, {"prior": "QSO:1,STAR:1"}, LABELS, no_prior="")


MANY = [f"breed-{number}" for number in range(20)]
SUBSETS = {"first": MANY[:3], "n01": [MANY[7]]}


@pytest.mark.parametrize(
    ("chosen", "columns"),
    [("first", (0, 1, 2)), ("FIRST,breed 7", (0, 1, 2, 7)), ("n01", (7,)), ("Breed_9,first,breed-1", (0, 1, 2, 9))],
)
def test_a_subset_stands_for_its_labels(chosen: str, columns: tuple[int, ...]) -> None:
    assert parse_options({"labels": chosen}, MANY, SUBSETS).columns == columns


def test_of_many_labels_the_best_few_are_given() -> None:
    assert parse_options({}, MANY).top_k == 5
    assert parse_options({"top_k": 7}, MANY).top_k == 7
    assert parse_options({"labels": "first"}, MANY, SUBSETS).top_k == 3


def test_suggestions_name_subsets_too() -> None:
    with pytest.raises(InvalidFieldsError, match="Did you mean first"):
        parse_options({"labels": "frist"}, MANY, SUBSETS)


def test_thousands_of_unknown_labels_cost_no_more_than_ten() -> None:
    with pytest.raises(InvalidFieldsError) as raised:
        parse_options({"labels": ["x" * 100_000] * 5_000}, MANY)
    assert len(raised.value.fields) == 10
