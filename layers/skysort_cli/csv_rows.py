"""A CSV of any length as requests of a bounded number of rows, each with the header; cells are never touched.

Rows and comments are told apart as skysort.star.body reads them, so that row numbers agree.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort import problems
from skysort.limits import MIB
from skysort_cli.exits import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DELIMITERS: Final = (",", ";", "\t", "|")
# A request is answered within a second or so, and bodies of wide tables stay well below a Lambda's payload.
ROWS: Final = 2_000
EXPLAINED_ROWS: Final = 200
CHUNK_BYTES: Final = 2 * MIB


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a table as a CSV of their own.

    first: number of the first of them, 0 for the table's first. rows: how many.
    """

    body: bytes
    first: int
    rows: int


class _Lines:
    """Lines on their way to the csv reader, remembered until they are asked for."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def taken(self) -> str:
        text = "".join(self._taken)
        self._taken.clear()
        return text


def chunks(lines: Iterable[str], most_rows: int = ROWS, most_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """The table in pieces of at most so many rows, and of about so many bytes.

    lines: the table's, line breaks kept. A header without rows is one piece, for the service to refuse.
    Raises ProblemError where the rows cannot be told apart.
    """
    numbered = _Lines(line for line in lines if not line.startswith("#"))
    header = next((line for line in numbered if line.strip()), "")
    numbered.taken()
    header = header if header.endswith(("\n", "\r")) or not header else header + "\n"
    reader = csv.reader(numbered, delimiter=max(DELIMITERS, key=header.count))
    start, first, rows = header.encode("utf-8"), 0, 0
    body = bytearray(start)
    try:
        for cells in reader:
            row = numbered.taken()
            if not cells:
                continue
            body += (row if row.endswith(("\n", "\r")) else row + "\n").encode("utf-8")
            rows += 1
            if rows >= most_rows or len(body) >= most_bytes:
                yield Chunk(bytes(body), first, rows)
                first, rows, body = first + rows, 0, bytearray(start)
    except csv.Error as error:
        detail = f"the file is not CSV: {error} near row {first + rows + 1:,}"
        raise ProblemError(problems.document(400, "malformed-input", "The input cannot be read", detail)) from None
    if rows or not first:
        yield Chunk(bytes(body), first, rows)
