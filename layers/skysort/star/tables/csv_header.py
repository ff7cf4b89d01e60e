"""The header of a CSV: its delimiter and its columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.csv_limit import long_cells
from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError
from skysort.limits import TABLE_LINE_BYTES
from skysort.star.columns import MEASURED, canonical
from skysort.star.tables.appended import is_appended
from skysort.star.tables.csv_lines import split_lines
from skysort.star.tables.header import MeasuredColumns, locate

if TYPE_CHECKING:
    from collections.abc import Sequence

DELIMITERS: Final = (",", ";", "\t", "|")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the rows.

    before: comment and blank lines, and the byte order mark, kept as they are. text: the header line itself.
    eol: its line break. stop: where the rows begin. lines: lines above the rows.
    names: the columns'. kept: positions of those that are not appended ones. measured: the measured ones'.
    """

    before: bytes
    text: bytes
    eol: bytes
    stop: int
    lines: int
    delimiter: str
    names: tuple[str, ...]
    kept: tuple[int, ...]
    measured: MeasuredColumns


def read_header(block: bytes, *, last: bool) -> Header | None:
    """Read the header from the beginning of a file; None when the block does not hold all of it yet.

    Comment lines (``#``) and blank lines may stand before it. Raises InvalidFieldsError for columns
    that cannot be used, EmptyInputError when there is no header, LimitExceededError for endless lines.
    """
    start = len(_BOM) if block.startswith(_BOM) else 0
    while True:
        # Up to the first line break only; whether the delimiter is known matters for no header in practice.
        line = _first_line(block, start)
        if line is None:
            break
        text, stop = line
        if text.strip() and not text.lstrip().startswith(b"#"):
            return _header(block, start, last=last)
        start = stop
    if len(block) - start > TABLE_LINE_BYTES:
        raise LimitExceededError(f"there is no line break in the first {TABLE_LINE_BYTES:,} bytes of the table")
    if not last:
        return None
    raise EmptyInputError("the table has no header and no rows")


def _first_line(block: bytes, start: int) -> tuple[bytes, int] | None:
    ends = [at for at in (block.find(b"\n", start), block.find(b"\r", start)) if at >= 0]
    if not ends:
        return None
    end = min(ends)
    return block[start:end], end + (2 if block[end : end + 2] == b"\r\n" else 1)


def _header(block: bytes, start: int, *, last: bool) -> Header | None:
    candidates = []
    window = block[start : start + 2 * TABLE_LINE_BYTES]
    for delimiter in DELIMITERS:
        lines = split_lines(window, delimiter, last=last)
        if len(lines) == 0:
            continue
        end = int(lines.ends[0])
        following = int(lines.starts[1]) if len(lines) > 1 else lines.stop
        names = _cells(window[:end], delimiter)
        wanted = sum(canonical(name) in MEASURED for name in names)
        candidates.append((wanted, len(names), -DELIMITERS.index(delimiter), end, following, names))
    if not candidates:
        if len(window) > TABLE_LINE_BYTES or last:
            raise MalformedInputError("the header never ends: a quote in it is not closed")
        return None
    _, _, order, end, following, names = max(candidates, key=lambda candidate: candidate[:3])
    return Header(
        before=block[:start],
        text=window[:end],
        eol=window[end:following],
        stop=start + following,
        lines=_count_lines(block[: start + following]),
        delimiter=DELIMITERS[-order],
        names=tuple(names),
        kept=tuple(at for at, name in enumerate(names) if not is_appended(name)),
        measured=locate(names),
    )


def _count_lines(above: bytes) -> int:
    """Line feeds, or carriage returns in a file that has only those."""
    return above.count(b"\n") or above.count(b"\r")


def _cells(line: bytes, delimiter: str) -> list[str]:
    text = line.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        with long_cells():
            rows: Sequence[list[str]] = list(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise MalformedInputError(f"the header cannot be read: {error}") from error
    return [name.strip() for name in rows[0]] if rows else []
