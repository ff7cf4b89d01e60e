"""Where the rows of a CSV begin and end, without taking them apart.

A row's own bytes go into the result untouched, so all that is needed of most of a table is its
row boundaries; NumPy finds them at memory speed. Quotes make a line break part of a cell
(RFC 4180): when every quote stands where one belongs, a break lies inside a cell exactly when an
odd number of quotes precedes it. Otherwise a scanner goes cell by cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LF: Final = ord("\n")
_CR: Final = ord("\r")
_QUOTE: Final = ord('"')


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of a block of CSV.

    starts, ends: (n,) offsets of each row's first byte and of the byte after its last, its line break not counted.
    stop: where the last whole row and its line break end.
    breaks: offsets of all line feeds, those inside of cells too, to number lines by.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    stop: int
    breaks: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.starts)

    def take(self, rows: NDArray[np.bool_]) -> Lines:
        """Some of the rows."""
        return Lines(self.starts[rows], self.ends[rows], self.stop, self.breaks)


def split_lines(block: bytes, delimiter: str, *, last: bool) -> Lines:
    """Find the rows of a block that begins where a row begins.

    last: nothing follows; the block must then end in a line break. Line breaks are LF, CRLF and CR.
    """
    content = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(content == _LF)
    stops, widths = _line_breaks(block, content, breaks, last=last)
    if b'"' in block:
        inside = _inside_quotes(block, content, delimiter)
        outside = ~inside[stops] if inside is not None else np.isin(stops, _scan(block, delimiter))
        stops, widths = stops[outside], widths[outside]
    starts = np.empty_like(stops)
    starts[:1] = 0
    starts[1:] = stops[:-1] + 1
    stop = int(stops[-1]) + 1 if len(stops) else 0
    return Lines(starts, stops + 1 - widths, stop, breaks)


def _line_breaks(
    block: bytes, content: NDArray[np.uint8], feeds: NDArray[np.int64], *, last: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offset of each line break's last byte, and its width of one or two bytes."""
    if b"\r" not in block:
        return feeds, np.ones_like(feeds)
    after_return = np.zeros(len(feeds), np.bool_)
    after_return[feeds > 0] = content[feeds[feeds > 0] - 1] == _CR
    returns = np.flatnonzero(content == _CR)
    # A return at the end of a block may be half of a CRLF: wait for the next block.
    settled = returns[returns < len(content) - 1]
    alone = settled[content[settled + 1] != _LF]
    if last and len(content) and content[-1] == _CR:
        alone = np.append(alone, len(content) - 1)
    stops = np.concatenate([feeds, alone])
    widths = np.concatenate([1 + after_return.astype(np.int64), np.ones(len(alone), np.int64)])
    order = np.argsort(stops, kind="stable")
    return stops[order], widths[order]


def _inside_quotes(block: bytes, content: NDArray[np.uint8], delimiter: str) -> NDArray[np.bool_] | None:
    """For each byte whether it lies within quotes; None when a quote stands where none belongs."""
    quotes = np.flatnonzero(content == _QUOTE)
    borders = np.zeros(256, np.bool_)
    borders[[ord(delimiter), _LF, _CR]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    before = content[np.maximum(opening - 1, 0)]
    # An opening quote right after a closing one is the second half of an escaped quote.
    escaped = np.zeros(len(opening), np.bool_)
    escaped[1:] = closing[: len(opening) - 1] == opening[1:] - 1
    opens = (opening == 0) | borders[before] | escaped
    after = content[np.minimum(closing + 1, len(content) - 1)]
    closes = (closing == len(content) - 1) | borders[after] | (after == _QUOTE)
    if not (opens.all() and closes.all()):
        return None
    flips = np.zeros(len(block), np.bool_)
    flips[quotes] = True
    return np.logical_xor.accumulate(flips)


def _scan(block: bytes, delimiter: str) -> NDArray[np.int64]:
    """Offsets of the last bytes of line breaks outside of quoted cells, cell by cell.

    A quote opens a quoted cell only at its beginning, and what follows the closing quote up to the
    delimiter belongs to the cell: as pyarrow reads.
    """
    plain = rb"[^" + re.escape(delimiter.encode()) + rb"\r\n]*"
    ending = rb"(?:" + re.escape(delimiter.encode()) + rb"|(?P<line>\r\n|\n|\r)|\Z)"
    # The atomic group keeps an unclosed quote from being closed by half of an escaped one.
    cell = re.compile(rb'(?:"(?>(?:[^"]|"")*)"' + plain + rb'|(?!")' + plain + rb")" + ending)
    found = []
    position = 0
    while position < len(block) and (match := cell.match(block, position)):
        position = match.end()
        if match["line"]:
            found.append(position - 1)
    return np.array(found, np.int64)
