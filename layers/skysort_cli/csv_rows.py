"""A CSV of any length as requests of a bounded number of rows, each with the header; cells are never touched.

What a row is, is told as the service tells it (skysort.star.tables.dialect), so that row numbers agree.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from skysort.limits import MIB
from skysort.star.tables.csv_rows import table_rows
from skysort.star.tables.dialect import Head, HeadReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A request is answered within a second or so, and bodies of wide tables stay well below a Lambda's payload.
ROWS: Final = 2_000
EXPLAINED_ROWS: Final = 200
CHUNK_BYTES: Final = 2 * MIB
# The head is read in pieces of this: each is looked at once.
_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a table as a CSV of their own.

    first: number of the first of them, 0 for the table's first. rows: how many.
    """

    body: bytes
    first: int
    rows: int


def chunks(lines: Iterable[str], most_rows: int = ROWS, most_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """The table in pieces of at most so many rows, and of about so many bytes.

    lines: the table's, line breaks kept, bytes that are no UTF-8 as surrogates. A table without rows is one piece, for
    the service to refuse. Raises InputError where there is no header or the rows cannot be told apart.
    """
    lines = iter(lines)
    head, below = _head(lines)
    start, first, rows = _header(head), 0, 0
    body = bytearray(start)
    for text, _ in table_rows(chain(below, lines), head):
        row = text if text.endswith(("\n", "\r")) else text + "\n"
        body += row.encode("utf-8", "surrogateescape")
        rows += 1
        if rows >= most_rows or len(body) >= most_bytes:
            yield Chunk(bytes(body), first, rows)
            first, rows, body = first + rows, 0, bytearray(start)
    if rows or not first:
        yield Chunk(bytes(body), first, rows)


def _head(lines: Iterator[str]) -> tuple[Head, Iterable[str]]:
    """The head, and the lines below it that were read with it."""
    reader = HeadReader()
    head = None
    while head is None:
        piece = _piece(lines)
        head = reader.feed(piece, last=not piece)
    below = reader.buffer[head.stop :].decode("utf-8", "surrogateescape")
    return head, io.StringIO(below, newline="")


def _piece(lines: Iterator[str]) -> bytes:
    piece = bytearray()
    for line in lines:
        piece += line.encode("utf-8", "surrogateescape")
        if len(piece) >= _PIECE_BYTES:
            break
    return bytes(piece)


def _header(head: Head) -> bytes:
    """The header line that each piece begins with; units stay with it, since the service looks at them."""
    text = head.text.lstrip(b"# \t") if head.text.startswith(b"#") else head.text
    units = head.delimiter.join(head.units).encode() + b"\n" if head.units else b""
    return text + (head.eol or b"\n") + units
