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
# Predictions that an item gets by default where the model has more labels than MAX_TOP_K.
TOP_K_OF_MANY: Final = 5
# Nearest names are searched for so many unknown labels and so many of their characters only: each search costs.
MAX_SUGGESTIONS: Final = 10
_NAME_CHARACTERS: Final = 60


def _comma_separated(value: object) -> object:
    """Query and form give ``GALAXY,QSO``; JSON gives a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _no_number(value: object) -> object:
    """JSON has true and false, a query and a form say them in words or digits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - pydantic reports ValueError
    return value


@validated(config=ConfigDict(extra="forbid"), frozen=True)
class RawOptions:
    """Options as given, before the model's own labels are known."""

    top_k: Annotated[int | None, Field(ge=1, le=MAX_TOP_K)] = None
    labels: Annotated[Annotated[tuple[str, ...], Field(min_length=1)] | None, BeforeValidator(_comma_separated)] = None
    explain: Annotated[bool | None, BeforeValidator(_no_number)] = None


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


def parse_options(
    given: Mapping[str, Any], labels: Sequence[str], subsets: Mapping[str, Sequence[str]] | None = None
) -> Options:
    """Validate options and resolve label names (in any case) to columns.

    subsets: names that stand for several labels, such as "dogs".
    Raises InvalidFieldsError naming every option that cannot be used, unknown labels with the nearest known one.
    """
    if not given:
        return Options(_default_top_k(len(labels)), None, explain=False)
    raw = _read(given)
    columns = None if raw.labels is None else _columns(raw.labels, labels, subsets or {})
    count = len(labels if columns is None else columns)
    return Options(min(raw.top_k or _default_top_k(count), count), columns, bool(raw.explain))


def combined(
    body: Mapping[str, Any],
    query: Mapping[str, Any],
    labels: Sequence[str],
    subsets: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The options of a body and of a query, of which the query's win.

    Raises InvalidFieldsError for an option of the body that the query replaces: it is wrong all the same.
    """
    parse_options({name: value for name, value in body.items() if name in query}, labels, subsets)
    return {**body, **query}


def _read(given: Mapping[str, Any]) -> RawOptions:
    try:
        return _ADAPTER.validate_python(dict(given))
    except ValidationError as error:
        raise InvalidFieldsError([_field_error(detail) for detail in error.errors()]) from None


def _default_top_k(count: int) -> int:
    """All of a few labels, the best of many."""
    return count if count <= MAX_TOP_K else TOP_K_OF_MANY


def _columns(chosen: Sequence[str], labels: Sequence[str], subsets: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    known = {_folded(label): {column} for column, label in enumerate(labels)}
    for name, members in subsets.items():
        known.setdefault(_folded(name), set().union(*(known[_folded(member)] for member in members)))
    unknown = [name for name in chosen if _folded(name) not in known]
    if unknown:
        names = [*subsets, *labels]
        errors = [FieldError("labels", "unknown_label", _suggestion(name, names)) for name in unknown[:MAX_SUGGESTIONS]]
        raise InvalidFieldsError(errors)
    return tuple(sorted(set().union(*(known[_folded(name)] for name in chosen))))


def _folded(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")


def _suggestion(name: str, names: Sequence[str]) -> str:
    by_folded = {_folded(known): known for known in reversed(names)}
    close = difflib.get_close_matches(_folded(name[:_NAME_CHARACTERS]), by_folded, n=3)
    nearest = [by_folded[match] for match in close] or list(names[:10])
    return f"there is no label {name!r:.60}; the nearest are {', '.join(nearest)}"


def _field_error(detail: Any) -> FieldError:
    field = str(detail["loc"][0]) if detail["loc"] else "options"
    if detail["type"] == "unexpected_keyword_argument":
        return FieldError(field, "unknown_option", f"is not an option; the options are {', '.join(NAMES)}")
    return FieldError(field, detail["type"], f"{detail['msg']}, got {detail['input']!r:.60}")
