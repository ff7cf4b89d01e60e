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
