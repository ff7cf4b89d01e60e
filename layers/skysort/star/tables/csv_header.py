"""The header of a table of text, with its columns found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort.star.tables.header import MeasuredColumns, check_units, locate
from skysort.star.tables.result_columns import is_appended

if TYPE_CHECKING:
    from skysort.star.tables.dialect import Head


@dataclass(frozen=True, slots=True)
class Header:
    """A head and which of its columns are which.

    measured: the measured columns. kept: positions of those that no earlier classification appended.
    """

    head: Head
    measured: MeasuredColumns
    kept: tuple[int, ...]


def find_columns(head: Head) -> Header:
    """Find the columns of a table; raises InvalidFieldsError for names and units that cannot be used."""
    measured = locate(head.names)
    if head.units:
        check_units(measured, [*head.units, *[None] * (len(head.names) - len(head.units))])
    kept = tuple(at for at, name in enumerate(head.names) if not is_appended(name))
    return Header(head, measured, kept)
