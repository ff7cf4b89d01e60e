"""A table's own columns in a bulk job's results: identifier, position, and those that the job carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from skysort.bulk.columns import Column
from skysort.star.spellings import ALIASES, IDENTIFIER, POSITION
from skysort.star.tables.beside import As, Carried

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHA, _DELTA = POSITION
# A row's own columns, as the API names them, and what they are in a table.
OWN: Final = (
    (Column("id", "string"), IDENTIFIER),
    (Column("ra", "double"), _ALPHA),
    (Column("dec", "double"), _DELTA),
)
_ATHENA: Final = {
    pa.bool_(): "boolean",
    pa.int8(): "int",
    pa.int16(): "int",
    pa.int32(): "int",
    pa.uint8(): "int",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.int64(): "bigint",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
}


class OwnColumns:
    """Finds a table's own columns: identifier, position, and those that the job carries."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._places: list[int | None] = []

    def __call__(self, names: Sequence[str]) -> list[Carried]:
        """Choose what is carried; see skysort.star.tables.beside.Beside."""
        spelled: dict[str, int] = {}
        written: dict[str, int] = {}
        for index, name in enumerate(names):
            spelled.setdefault(name.strip().lower(), index)
            written.setdefault(name.strip(), index)
        carried: list[Carried] = []
        self._places = []
        for column, quantity in OWN:
            position = next((spelled[name] for name in (quantity, *ALIASES[quantity]) if name in spelled), None)
            self._add(carried, position, As.TEXT if column.type == "string" else As.NUMBER)
        for name in self._columns:
            self._add(carried, written.get(name.strip()), As.TYPED)
        return carried

    def _add(self, carried: list[Carried], position: int | None, kind: As) -> None:
        self._places.append(None if position is None else len(carried))
        if position is not None:
            carried.append(Carried(position, kind))

    def arrays(self, carried: Sequence[Any], rows: int) -> list[Any]:
        """The columns of some rows; null where the table has none."""
        return [pa.nulls(rows, pa.string()) if index is None else carried[index] for index in self._places]

    def types(self, carried: Sequence[Any] | None) -> list[str]:
        """Athena's names of the types of the job's columns."""
        if carried is None:
            return ["string"] * len(self._columns)
        own = self._places[len(OWN) :]
        return ["string" if index is None else _ATHENA.get(carried[index].type, "string") for index in own]
