"""Every error that skysort raises on purpose, all subclasses of SkysortError.

skysort.problems maps each to an HTTP status; skysort.drop.ledger decides between error record and retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from skysort.answers import Comparison

# Fields named in an error's message; its list has all of them.
_FIELDS_LISTED: Final = 10
_NAME_CHARACTERS: Final = 60
_DIGITS_A_BIT: Final = 0.30103  # log10(2)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, and what is expected."""

    field: str
    reason: str  # a stable code from skysort.star.columns.Reason or the option's own
    detail: str


class SkysortError(Exception):
    """Base class of skysort's errors, with a message for users."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InputError(SkysortError):
    """The caller's input is wrong: the same input will fail again."""


class InvalidFieldsError(InputError):
    """Invalid fields of a row or a request, each with its reason."""

    def __init__(self, fields: list[FieldError], detail: str | None = None) -> None:
        super().__init__(detail or _summary(fields))
        self.fields = fields


def format_value(value: object) -> str:
    """A given value as short JSON-like text, for a message."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            digits = round(value.bit_length() * _DIGITS_A_BIT)
            return str(value) if digits <= _NAME_CHARACTERS else f"a number of about {digits:,} digits"
        case str():
            return f"{value!r:.{_NAME_CHARACTERS}}"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list" if value else "an empty list"
    return "null" if value is None else str(value)


def _summary(fields: list[FieldError]) -> str:
    """The first fields' errors, and the number of further ones."""
    listed = "; ".join(f"{field.field:.{_NAME_CHARACTERS}}: {field.detail}" for field in fields[:_FIELDS_LISTED])
    more = len(fields) - _FIELDS_LISTED
    return f"{listed}; and {more:,} more" if more > 0 else listed


class MalformedInputError(InputError):
    """The bytes are not what they claim to be (broken JSON, a truncated table)."""


class UnsupportedFormatError(InputError):
    """A content type or file suffix that no decoder reads."""


class EmptyInputError(InputError):
    """The input has nothing to classify."""


class LimitExceededError(InputError):
    """The input exceeds one of the limits in skysort.limits."""


class ModelConflictError(InputError):
    """The state of a trained model does not allow this: its kind is another, its version is live, others change it."""


class NotBetterError(ModelConflictError):
    """A version is worse than the live one, or cannot be compared with it.

    comparison: see skysort.registry.promotion.
    """

    def __init__(self, detail: str, comparison: Comparison | None = None) -> None:
        super().__init__(detail)
        self.comparison = comparison


class JobConflictError(InputError):
    """The phase of a bulk job does not allow this: it has ended, has not begun, or runs."""


class NotFoundError(SkysortError):
    """There is no model, batch or path of this name."""


class UnauthenticatedError(SkysortError):
    """The caller is unknown, and the request needs an identity."""


class ConfigurationError(SkysortError):
    """A setting is missing or invalid; raised only while a function starts."""


class ArtefactError(ConfigurationError):
    """A model artefact is missing, damaged or not the one its card describes."""


class InfrastructureError(SkysortError):
    """A service that skysort depends on failed; the same call may succeed later."""
