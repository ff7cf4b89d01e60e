"""The options of a classify call, with the same names, limits and meaning in a query, a form and a JSON body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skysort.errors import FieldError, InvalidFieldsError, format_value
from skysort.json_document import GIVEN_TWICE, FaultyObject, Repeated
from skysort.label_names import MAX_SUGGESTIONS, folded, suggestion
from skysort.prior_option import OPTION as PRIOR
from skysort.prior_option import OTHER_MODEL, parse_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Value = TypeVar("Value")
NAMES: Final = ("top_k", "labels", "explain", PRIOR)
MAX_TOP_K: Final = 10
# Default number of predictions per item for a model with more than MAX_TOP_K labels.
TOP_K_OF_MANY: Final = 5
_WHOLE_NUMBER: Final = re.compile(r"\+?0*[0-9]{1,4}", re.ASCII)
_TRUE: Final = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "f", "n"})


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one call, resolved against the model's labels.

    top_k: number of predictions per item, best first. columns: indices of the labels to choose from, None for all.
    explain: whether to explain each result. prior: class shares of the data at hand in the order of the columns, which
    add up to 1; None for those of the training data.
    """

    top_k: int
    columns: tuple[int, ...] | None
    explain: bool
    prior: tuple[float, ...] | None = None


def parse_options(
    given: Mapping[str, object],
    labels: Sequence[str],
    subsets: Mapping[str, Sequence[str]] | None = None,
    *,
    no_prior: str = OTHER_MODEL,
) -> Options:
    """Validate options and resolve label names (in any case) to columns.

    Parameters
    ----------
    given
        Text from a query or a form, JSON values, or Repeated; None and blank text count as not given.
    labels, subsets
        The model's labels, and names of several labels, such as "dogs".
    no_prior
        Why the model takes no prior; empty for one that does.

    Returns
    -------
    The options, defaults filled in.

    Raises
    ------
    InvalidFieldsError
        Naming every invalid option, and the nearest known labels for unknown ones.
    """
    if not given:
        return Options(_default_top_k(len(labels)), None, explain=False)
    known = ", ".join(name for name in NAMES if name != PRIOR or not no_prior)
    errors = [
        FieldError(name, "unknown_option", f"unknown option; choose from {known}")
        for name in given
        if name not in NAMES
    ]
    top_k = _read(_top_k, "top_k", given, errors)
    names = _read(_label_names, "labels", given, errors)
    explain = _read(_boolean, "explain", given, errors)
    shares = _read(_single, PRIOR, given, errors)
    if shares is not None and no_prior:
        errors.append(FieldError(PRIOR, "no_prior", no_prior))
    if errors:
        raise InvalidFieldsError(errors)
    columns = None if names is None else _columns(names, labels, subsets or {})
    count = len(labels if columns is None else columns)
    prior = None if shares is None else parse_prior(shares, labels, columns)
    return Options(min(top_k or _default_top_k(count), count), columns, bool(explain), prior)


def taken_from(document: dict[str, Any]) -> dict[str, object]:
    """Remove the options from a JSON object; repeated ones then no longer count as its faults."""
    options: dict[str, object] = {name: document.pop(name) for name in NAMES if name in document}
    if isinstance(document, FaultyObject):
        document.faults = [
            fault for fault in document.faults if fault.reason != GIVEN_TWICE or fault.field not in options
        ]
    return options


def combined(
    body: Mapping[str, object],
    query: Mapping[str, object],
    labels: Sequence[str],
    subsets: Mapping[str, Sequence[str]] | None = None,
    *,
    no_prior: str = OTHER_MODEL,
) -> dict[str, object]:
    """The options of a body, overridden by a query's; InvalidFieldsError for an overridden one that is invalid."""
    query = {name: value for name, value in query.items() if not _is_blank(value)}
    # A prior has the shares of the labels beside it.
    checked = query.keys() | ({"labels"} if PRIOR in query else set())
    overridden = {name: value for name, value in body.items() if name in checked}
    parse_options(overridden, labels, subsets, no_prior=no_prior)
    return {**body, **query}


class _OptionError(ValueError):
    """An option is invalid. reason: a stable code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _read(
    parse: Callable[[object], Value], name: str, given: Mapping[str, object], errors: list[FieldError]
) -> Value | None:
    """One option, None if it is not given or invalid; in that case its error is added to errors."""
    value = given.get(name)
    if isinstance(value, Repeated):
        values = [item for item in value if not _is_blank(item)]
        value = Repeated(values) if len(values) > 1 else next(iter(values), None)
    if _is_blank(value):
        return None
    try:
        return parse(value)
    except _OptionError as error:
        errors.append(FieldError(name, error.reason, str(error)))
        return None


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _single(value: object) -> object:
    if isinstance(value, Repeated):
        raise _OptionError(GIVEN_TWICE, f"is given {len(value)} times; give it once")
    return value


def _top_k(value: object) -> int:
    """The number of predictions: 3, "3", or 3.0, which JSON does not distinguish from 3."""
    value = _single(value)
    number: int | None = None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if number is None or not 1 <= number <= MAX_TOP_K:
        raise _OptionError("not_in_range", f"must be a whole number from 1 to {MAX_TOP_K} (got {format_value(value)})")
    return number


def _boolean(value: object) -> bool:
    """True or false, as words or digits in a query or a form."""
    value = _single(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if isinstance(value, bool):
        return value
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _OptionError("not_true_or_false", f"must be true or false (got {format_value(value)})")


def _label_names(value: object) -> list[str] | None:
    """Names of labels: ``GALAXY,QSO`` or a list of names, joined if repeated. None if all are blank."""
    names: list[str] = []
    for item in value if isinstance(value, Repeated) else (value,):
        if item is None:
            continue
        if isinstance(item, str):
            names += [name for part in item.split(",") if (name := part.strip())]
        elif isinstance(item, list | tuple) and item and all(isinstance(name, str) for name in item):
            names += item
        else:
            raise _OptionError(
                "not_labels", f"must be label names, as a list or separated by commas (got {format_value(item)})"
            )
    if not names and isinstance(value, str) and "," in value:
        raise _OptionError(
            "not_labels", f"must be label names, as a list or separated by commas (got {format_value(value)})"
        )
    return names or None


def _default_top_k(count: int) -> int:
    """All of a few labels, the best of many."""
    return count if count <= MAX_TOP_K else TOP_K_OF_MANY


def _columns(selected: Sequence[str], labels: Sequence[str], subsets: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    known = {folded(label): {column} for column, label in enumerate(labels)}
    for name, members in subsets.items():
        known.setdefault(folded(name), set().union(*(known[folded(member)] for member in members)))
    unknown = [name for name in selected if folded(name) not in known]
    if unknown:
        names = [*subsets, *labels]
        errors = [FieldError("labels", "unknown_label", suggestion(name, names)) for name in unknown[:MAX_SUGGESTIONS]]
        raise InvalidFieldsError(errors, " ".join(error.detail for error in errors))
    return tuple(sorted(set().union(*(known[folded(name)] for name in selected))))
