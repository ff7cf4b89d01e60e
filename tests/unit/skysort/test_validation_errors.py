"""What pydantic finds, in plain words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skysort.validation_errors import field_errors


class State(StrEnum):
    DONE = "done"
    FAILED = "failed"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=2, max_length=4, pattern="^[a-z]+$")] = "abc"
    size: Annotated[int, Field(ge=0, le=9)] = 1


class Sample(BaseModel):
    model: Literal["star", "galaxy"] = "star"
    state: State = State.DONE
    whole: bool = True
    count: int = 1
    files: Annotated[list[Inner], Field(min_length=1, max_length=2)] = [Inner()]


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"model": "sun"}, "model", "must be 'star' or 'galaxy' (got 'sun')"),
        ({"state": "lost"}, "state", "must be 'done' or 'failed' (got 'lost')"),
        ({"whole": "perhaps"}, "whole", "must be true or false (got 'perhaps')"),
        ({"count": "many"}, "count", "must be a whole number (got 'many')"),
        ({"count": 1.5}, "count", "must be a whole number (got 1.5)"),
        ({"files": {}}, "files", "must be a list"),
        ({"files": []}, "files", "must have 1 or more items"),
        ({"files": [{}, {}, {}]}, "files", "may have up to 2 items"),
        ({"files": [5]}, "files[0]", "must be an object"),
        ({"files": [{"size": -1}]}, "files[0].size", "must be at least 0 (got -1)"),
        ({"files": [{"size": 10**400}]}, "files[0].size", "must be at most 9 (got a number of about 400 digits)"),
        ({"files": [{"size": True}]}, "files[0].size", "must be a whole number (got true)"),
        ({"files": [{"name": "a"}]}, "files[0].name", "must have 2 or more characters"),
        ({"files": [{"name": "abcde"}]}, "files[0].name", "may have up to 4 characters"),
        ({"files": [{"name": "A-B"}]}, "files[0].name", "has characters that are not allowed here"),
        ({"files": [{"name": None}]}, "files[0].name", "must be text (got null)"),
        ({"files": [{"colour": 1}]}, "files[0].colour", "unknown field"),
        ([], "body", "must be an object"),
    ],
)
def test_a_fault_is_named_with_what_would_be_right(given: Any, field: str, says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Sample.model_validate(given)
    (error,) = field_errors(raised.value.errors())
    assert (error.field, error.detail) == (field, says)
