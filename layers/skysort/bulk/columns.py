"""The columns of a job's results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the results. type: Athena's name of it, one of string, int, bigint, float, double, boolean."""

    name: str
    type: str


# Every job's first columns: the source object, the slice's number in it, and the row in the slice, from 1.
PLACE: Final = (Column("source", "string"), Column("slice", "int"), Column("row", "bigint"))
