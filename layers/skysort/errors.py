"""Every error that skysort raises on purpose: a tree below SkysortError.

The HTTP status of each is decided in one place, skysort.problems; what the drop folder does with each (error record
or retry) in another, skysort.drop.ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Fields that an error's sentence names; all of them are in its list.
_FIELDS_LISTED: Final = 10
_NAME_CHARACTERS: Final = 60
_DIGITS_A_BIT: Final = 0.30103  # log10(2)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one named field, and what would be right."""

    field: str
    reason: str  # a stable code from skysort.star.columns.Reason or the option's own
    detail: str


class SkysortError(Exception):
    """Root of the tree: a message that a user may read."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InputError(SkysortError):
    """The caller's input is wrong: the same input will fail again."""


class InvalidFieldsError(InputError):
    """Fields of a row or of a request that cannot be used, each with its reason."""

    def __init__(self, fields: list[FieldError], detail: str | None = None) -> None:
        super().__init__(detail or _summary(fields))
        self.fields = fields


def shown(value: object) -> str:
    """A value that somebody gave, as JSON would show it, in short: for a sentence about it."""
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
    """The first fields with what is wrong with them, and how many more there are."""
    listed = "; ".join(f"{field.field:.{_NAME_CHARACTERS}}: {field.detail}" for field in fields[:_FIELDS_LISTED])
    more = len(fields) - _FIELDS_LISTED
    return f"{listed}; and {more:,} more" if more > 0 else listed


class MalformedInputError(InputError):
    """The bytes are not what they claim to be (broken JSON, a truncated table)."""


class UnsupportedFormatError(InputError):
    """A content type or file ending that no decoder here reads."""


class EmptyInputError(InputError):
    """There is nothing in the input to classify."""


class LimitExceededError(InputError):
    """The input passes one of the limits in skysort.limits."""


class NotFoundError(SkysortError):
    """No model, batch or path of this name."""


class UnauthenticatedError(SkysortError):
    """Who asks is not known, and what is asked for belongs to somebody."""


class ConfigurationError(SkysortError):
    """A setting is missing or wrong; raised while a function starts, never later."""


class ArtefactError(ConfigurationError):
    """A model artefact is missing, damaged or not the one its card describes."""


class InfrastructureError(SkysortError):
    """A service that skysort stands on failed; the same call may pass later."""
