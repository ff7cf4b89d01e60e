"""Warnings about an input, such as a change before it was classified, for answers and summaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysort.answers import InputNote


@dataclass(frozen=True, slots=True)
class InputWarning:
    """A remark on an input: a change, such as a value left out, or how a galaxy is framed.

    code: stable and machine-readable: ``redshift_sentinel``. detail: a message for people.
    """

    code: str
    detail: str


def documents(warnings: Iterable[InputWarning]) -> list[InputNote]:
    """The ``warnings`` member of an answer, which is absent if there are none."""
    return [{"code": warning.code, "detail": warning.detail} for warning in warnings]
