"""Errors as problem documents."""

from __future__ import annotations

import inspect
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import errors, limits, problems

EVERY_ERROR = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.SkysortError)]


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_every_error_of_the_tree_has_a_status(kind: type[errors.SkysortError]) -> None:
    error = kind([]) if kind is errors.InvalidFieldsError else kind("what was wrong")
    document = problems.from_error(error, "request-1")
    assert 400 <= document["status"] < 600
    assert document["type"].startswith("urn:skysort:problem:")
    assert document["request_id"] == "request-1"


def test_field_errors_are_listed() -> None:
    field = errors.FieldError("u", "missing", "is missing")
    document = problems.from_error(errors.InvalidFieldsError([field]))
    assert document["errors"] == [{"field": "u", "reason": "missing", "detail": "is missing"}]
    assert document["detail"] == "u: is missing"


def test_a_hundred_thousand_fields_are_not_named_one_by_one() -> None:
    fields = [
        errors.FieldError(f"{number:06}" + "n" * 5_000, "unknown_field", "d" * 5_000) for number in range(100_000)
    ]
    document = problems.from_error(errors.InvalidFieldsError(fields))
    # Fifty are listed, their names cut, and the rest counted
    assert len(document["errors"]) == limits.PROBLEM_FIELDS == 50
    assert document["errors_not_listed"] == 99_950
    assert {len(error["field"]) for error in document["errors"]} == {limits.PROBLEM_NAME_CHARACTERS}
    assert len(json.dumps(document)) < 64_000


@given(
    st.lists(st.builds(errors.FieldError, st.text(max_size=99), st.just("missing"), st.text(max_size=400)), max_size=9),
    st.integers(0, 2_000),
)
def test_a_problem_keeps_to_its_room(fields: list[errors.FieldError], room: int) -> None:
    document = problems.from_error(errors.InvalidFieldsError(fields), room=room)
    listed = document.get("errors", [])
    told = len(document["detail"]) + sum(len("".join(map(str, error.values()))) for error in listed)
    assert told <= room or len(listed) == 1
    assert len(listed) + document.get("errors_not_listed", 0) == len(fields)


def test_what_readers_say_of_foreign_bytes_is_always_unicode() -> None:
    field = errors.FieldError("a\ud800", "missing", "\udfff")
    for error in (errors.InvalidFieldsError([field]), errors.MalformedInputError("a\ud800")):
        json.dumps(problems.from_error(error), ensure_ascii=False).encode()


def test_the_inside_is_not_told() -> None:
    document = problems.from_error(errors.InfrastructureError("the table skysort-secret is gone"))
    assert document["status"] == 503
    assert "secret" not in str(document)
    assert problems.internal("request-1")["status"] == 500
