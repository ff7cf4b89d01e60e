"""How long a cell the csv module reads, a setting of the whole process."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skysort.limits import TABLE_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def long_cells() -> Iterator[None]:
    """Cells as long as a line of a dropped table may be; the module's own limit is an eighth of that."""
    previous = csv.field_size_limit(TABLE_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(previous)
