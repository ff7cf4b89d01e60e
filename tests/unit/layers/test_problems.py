"""Errors as problem documents."""

from __future__ import annotations

import inspect

import pytest

from skysort import errors, problems

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


def test_the_inside_is_not_told() -> None:
    document = problems.from_error(errors.InfrastructureError("the table skysort-secret is gone"))
    assert document["status"] == 503
    assert "secret" not in str(document)
    assert problems.internal("request-1")["status"] == 500
