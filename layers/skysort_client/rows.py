"""Rows of stars as documents, and how many go into one request."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from skysort_client.tables import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort_client.results import Row

_ROWS: Final = 1_000


def row_document(row: Row) -> dict[str, object]:
    """A row without missing values, as JSON has no NaN."""
    return {name: value for name, value in row.items() if not is_missing(value)}


def plain_number(value: Any) -> object:
    """A number of NumPy as one of Python's."""
    return value.item()


def row_groups(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    """The rows of each request, with the number of the first."""
    iterator, first = iter(rows), 0
    while group := list(islice(iterator, _ROWS)):
        yield first, group
        first += len(group)
