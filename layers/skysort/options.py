"""The options of a classify call: the same names and limits in the query, a form and a JSON body."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from skysort.errors import FieldError, InvalidFieldsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES: Final = ("top_k", "labels", "explain")
MAX_TOP_K: Final = 10


def _comma_separated(value: object) -> object:
    """Query and form give ``GALAXY,QSO``; JSON gives a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


@validated(config=ConfigDict(extra="forbid"), frozen=True)
class RawOptions:
    """Options as given, before the model's own labels are known."""

    top_k: Annotated[int | None, Field(ge=1, le=MAX_TOP_K)] = None
    labels: Annotated[Annotated[tuple[str, ...], Field(min_length=1)] | None, BeforeValidator(_comma_separated)] = None
    explain: bool | None = None


_ADAPTER: Final = TypeAdapter(RawOptions)
_NONE_GIVEN: Final = RawOptions()


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one call, resolved against the model's labels.

    top_k: predictions an item gets, best first. columns: indices of the labels to choose
    among, None for all of them. explain: whether each answer carries its explanation.
    """

    top_k: int
    columns: tuple[int, ...] | None
    explain: bool


def parse_options(given: Mapping[str, Any], labels: Sequence[str]) -> Options:
    """Validate options and resolve label names (in any case) to columns.

    Raises InvalidFieldsError naming every option that cannot be used, unknown labels with the nearest known one.
    """
    if not given:
        return Options(len(labels), None, explain=False)
    try:
        raw = _ADAPTER.validate_python(dict(given))
    except ValidationError as error:
        raise InvalidFieldsError([_field_error(detail) for detail in error.errors()]) from None
    columns = None if raw.labels is None else _columns(raw.labels, labels)
    count = len(labels if columns is None else columns)
    return Options(min(raw.top_k or count, count), columns, bool(raw.explain))


def _columns(chosen: Sequence[str], labels: Sequence[str]) -> tuple[int, ...]:
    known = {label.lower(): column for column, label in enumerate(labels)}
    unknown = [name for name in chosen if name.lower() not in known]
    if unknown:
        raise InvalidFieldsError([FieldError("labels", "unknown_label", _suggestion(name, labels)) for name in unknown])
    return tuple(sorted({known[name.lower()] for name in chosen}))


def _suggestion(name: str, labels: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), [label.lower() for label in labels], n=3)
    nearest = [label for label in labels if label.lower() in close] or list(labels[:10])
    return f"there is no label {name!r:.60}; the nearest are {', '.join(nearest)}"


def _field_error(detail: Any) -> FieldError:
    field = str(detail["loc"][0]) if detail["loc"] else "options"
    if detail["type"] == "unexpected_keyword_argument":
        return FieldError(field, "unknown_option", f"is not an option; the options are {', '.join(NAMES)}")
    return FieldError(field, detail["type"], f"{detail['msg']}, got {detail['input']!r:.60}")
