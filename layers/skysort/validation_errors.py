"""Pydantic's validation errors in the wording of skysort's own checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort.errors import FieldError, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Messages by pydantic's error type ("Validation Errors" in its documentation), formatted with the error's context.
_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "unknown field",
    "unexpected_keyword_argument": "unknown field",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_unicode": "must be Unicode text",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "may have up to {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "list_type": "must be a list",
    "too_short": "must have {min_length} or more items",
    "too_long": "may have up to {max_length} items",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}
# Types whose message includes the field's value.
_VALUE_SHOWN: Final = frozenset(
    {"int_type", "int_parsing", "int_from_float", "bool_type", "bool_parsing", "greater_than_equal", "less_than_equal"}
    | {"literal_error", "enum", "string_type"}
)


def field_errors(errors: Iterable[Mapping[str, Any]], *, outer: str = "body") -> list[FieldError]:
    """Pydantic's errors (``ValidationError.errors()``) as field errors; outer: the name of the whole input."""
    return [FieldError(_path(error["loc"]) or outer, str(error["type"]), _words(error)) for error in errors]


def _path(location: Iterable[Any]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def _words(error: Mapping[str, Any]) -> str:
    error_type, value = error["type"], error.get("input")
    if error_type == "string_pattern_mismatch":
        return "has characters that are not allowed here"
    if error_type not in _WORDS:
        return str(error["msg"]).replace("Input should", "must")
    words = _WORDS[error_type].format_map(error.get("ctx") or {})
    return f"{words} (got {format_value(value)})" if error_type in _VALUE_SHOWN else words
