"""What was done to an input before it was classified, as answers and summaries tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysort.answers import InputNote


@dataclass(frozen=True, slots=True)
class InputWarning:
    """One thing that was done to an input, or left out of it.

    code: stable, for programs: ``redshift_sentinel``. detail: a sentence for people.
    """

    code: str
    detail: str


def documents(warnings: Iterable[InputWarning]) -> list[InputNote]:
    """The warnings as an answer's ``warnings`` lists them; an answer without any has no such member."""
    return [{"code": warning.code, "detail": warning.detail} for warning in warnings]
