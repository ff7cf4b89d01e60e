"""The option ``prior``: the class shares of the survey at hand, as text or as an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError, InvalidFieldsError, format_value
from skysort.json_document import GIVEN_TWICE, Repeated
from skysort.label_names import MAX_SUGGESTIONS, folded, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION: Final = "prior"
# Shares may be counts of objects, in a survey of any size.
MAX_SHARE: Final = 1e15
# Why a model takes no prior, to whoever gives one.
OTHER_MODEL: Final = (
    "is for the star model and for models that you trained; the built-in picture models did not learn from one survey, "
    "whose class shares it would replace"
)
NO_SHARES: Final = "the model's card lacks the class shares that it was trained with; train the model again"
_EXAMPLE: Final = "GALAXY:0.9,QSO:0.001,STAR:0.099"
_NUMBER: Final = re.compile(r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NUMBER_CHARACTERS: Final = 40
_DIGITS: Final = 6


def parse_prior(value: object, labels: Sequence[str], columns: Sequence[int] | None = None) -> tuple[float, ...]:
    """The class shares of the option.

    Parameters
    ----------
    value
        ``{"GALAXY": 0.9, "QSO": 0.001, "STAR": 0.099}``, or the same as text, ``GALAXY:0.9,QSO:0.001,STAR:0.099``.
        Shares may have any sum, so that they can be counts.
    labels
        The model's labels.
    columns
        Indices of the labels to choose from, None for all. Shares of other labels are checked and left out.

    Returns
    -------
    Shares in the order of the columns, which add up to 1.

    Raises
    ------
    InvalidFieldsError
        For labels that are unknown, missing or given twice, and for shares that are not numbers from 0 to MAX_SHARE.
    """
    pairs = _pairs(value)
    known = {folded(label): label for label in reversed(labels)} | {label: label for label in labels}
    found: dict[str, float] = {}
    errors: list[FieldError] = []
    for name, given in pairs[: len(labels) + MAX_SUGGESTIONS]:
        label, share = known.get(name) or known.get(folded(name.strip())), _number(given)
        if label is None:
            errors.append(fault("unknown_label", suggestion(name, labels)))
        elif label in found or isinstance(given, Repeated):
            errors.append(fault(GIVEN_TWICE, f"the share of {label} is given twice; give it once"))
        elif share is None:
            got = format_value(given)
            detail = f"the share of {label} must be a number from 0 to {MAX_SHARE:g} (got {got})"
            errors.append(fault("not_a_share", detail))
        else:
            found[label] = share
    chosen = list(labels) if columns is None else [labels[column] for column in columns]
    if not errors:
        errors += _faults(found, chosen)
    if errors:
        raise InvalidFieldsError(errors)
    total = sum(found[label] for label in chosen)
    return tuple(found[label] / total for label in chosen)


def read_shares(text: str) -> dict[str, float]:
    """The shares of a text by label, of whatever model; raises InvalidFieldsError."""
    pairs = _pairs(text)
    found = {name.strip(): share for name, given in pairs if (share := _number(given)) is not None}
    if len(found) < len(pairs):
        raise InvalidFieldsError([_not_shares(text)])
    return found


def document(prior: Sequence[float], labels: Sequence[str], columns: Sequence[int] | None) -> dict[str, float]:
    """The shares by label, as answers repeat them."""
    chosen = range(len(labels)) if columns is None else columns
    return {labels[column]: float(f"{share:.{_DIGITS}g}") for column, share in zip(chosen, prior, strict=True)}


def _pairs(value: object) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [(str(name), share) for name, share in value.items()]
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else []
    if not parts or not all(":" in part for part in parts):
        raise InvalidFieldsError([_not_shares(value)])
    # A label may have a colon, a number has none.
    return [(name, share.strip()) for name, _, share in (part.rpartition(":") for part in parts)]


def _not_shares(value: object) -> FieldError:
    return fault("not_shares", f"must have the share of each class, as in {_EXAMPLE} (got {format_value(value)})")


def _faults(found: Mapping[str, float], chosen: Sequence[str]) -> list[FieldError]:
    """What is wrong with shares that are fine one by one."""
    missing = [label for label in chosen if label not in found]
    if missing:
        more = len(missing) - MAX_SUGGESTIONS
        listed = ", ".join(missing[:MAX_SUGGESTIONS]) + (f" and {more} more" if more > 0 else "")
        return [fault("missing_label", f"lacks the share of {listed}; give 0 for a class that is not there")]
    if not any(found[label] for label in chosen):
        return [fault("not_a_share", f"at least one share must be above 0, of {', '.join(chosen[:MAX_SUGGESTIONS])}")]
    return []


def _number(value: object) -> float | None:
    """A share, or None for anything else."""
    if isinstance(value, str):
        value = float(value) if len(value) <= _NUMBER_CHARACTERS and _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Not a number either, and whole numbers of any size.
    return float(value) if 0 <= value <= MAX_SHARE else None


def fault(reason: str, detail: str) -> FieldError:
    """A fault of the option. reason: a stable code."""
    return FieldError(OPTION, reason, detail)
