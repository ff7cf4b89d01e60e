"""Options mean the same in a query, a form and JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InvalidFieldsError
from skysort.options import Options, parse_options

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
        ({"top_k": 0}, "top_k", "greater than or equal to 1"),
        ({"top_k": "many"}, "top_k", "valid integer"),
        ({"explain": "perhaps"}, "explain", "boolean"),
        ({"labels": []}, "labels", "at least 1"),
        ({"labels": "STARS"}, "labels", "nearest are STAR"),
        ({"labels": [1]}, "labels", "valid string"),
        ({"topk": 1}, "topk", "the options are top_k, labels, explain"),
    ],
)
def test_a_bad_option_is_named(given_options: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidFieldsError, match=says) as raised:
        parse_options(given_options, LABELS)
    assert {error.field for error in raised.value.fields} == {field}


@given(st.dictionaries(st.sampled_from(["top_k", "labels", "explain", "x"]), st.text() | st.integers() | st.none()))
def test_any_options_are_either_resolved_or_explained(given_options: dict[str, Any]) -> None:
    try:
        options = parse_options(given_options, LABELS)
    except InvalidFieldsError as error:
        fields = error.fields
        assert all(field.detail for field in fields)
    else:
        assert 1 <= options.top_k <= 3


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
    with pytest.raises(InvalidFieldsError, match="nearest are first"):
        parse_options({"labels": "frist"}, MANY, SUBSETS)


def test_thousands_of_unknown_labels_cost_no_more_than_ten() -> None:
    with pytest.raises(InvalidFieldsError) as raised:
        parse_options({"labels": ["x" * 100_000] * 5_000}, MANY)
    assert len(raised.value.fields) == 10
