"""What a job needs of every table: the columns that its model measures, and those that are carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort.errors import FieldError, InvalidFieldsError
from skysort.star.schema import SDSS, Schema

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Needs:
    """schema: what the model measures. columns: names of the columns that are carried into the results."""

    schema: Schema = SDSS
    columns: tuple[str, ...] = ()

    def beside(self, names: Sequence[str]) -> tuple[()]:
        """Carry nothing, but raise InvalidFieldsError for a table without a column that is to be carried."""
        present = {name.strip() for name in names}
        missing = [name for name in self.columns if name.strip() not in present]
        if missing:
            detail = "is to be copied to the results, but the table does not have it"
            raise InvalidFieldsError([FieldError(name, "missing", detail) for name in missing])
        return ()
