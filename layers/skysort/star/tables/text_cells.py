"""What a row and a cell of text are, for every reader of one.

A quote opens a cell only at its beginning, two stand for one inside of it, and what follows the closing one up to the
delimiter belongs to the cell: as pyarrow reads.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

COMMENT: Final = "#"
# A row whose first cell is what a spreadsheet, in English or German, writes for an error is no comment.
SPREADSHEET_ERROR: Final = r"#(?:N/?A|NV|(?:REF|VALUE|NUM|NULL|WERT|BEZUG|ZAHL|DIV/0)!|NAME\?)"
_SPREADSHEET_ERROR: Final = re.compile(SPREADSHEET_ERROR)
# A number with a decimal comma; digits can be shared out in one way only.
DECIMAL_COMMA: Final = r"^([+-]?[0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?)$"
# Bytes that have to be there before every other one of them says something.
_SOME: Final = 3


def decoded(content: bytes) -> str:
    """Text that is UTF-8, or else Latin-1, which every byte is."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_comment(line: str) -> bool:
    """Whether a line is a comment."""
    return line.startswith(COMMENT) and not _SPREADSHEET_ERROR.match(line)


def is_utf_16(head: bytes) -> bool:
    """Whether text is UTF-16 without a byte order mark: every other byte of plain letters is NUL."""
    return any(len(half) >= _SOME and not half.strip(b"\0") for half in (head[::2], head[1::2]))


def row_at(block: bytes, at: int, delimiter: str, *, last: bool = True) -> tuple[list[bytes], int, int] | None:
    """The cells of the row that begins at an offset, its end, and where the next begins; None where it does not end.

    last: nothing follows the block, so that its end is the row's.
    """
    cell = _cell(delimiter)
    cells: list[bytes] = []
    while match := cell.match(block, at):
        cells.append(match["quoted"].replace(b'""', b'"') + match["rest"] if match["plain"] is None else match["plain"])
        if match["line"] is not None:
            half = match["line"] == b"\r" and match.end() == len(block)
            return None if half and not last else (cells, match.start("line"), match.end())
        if not match["delimiter"]:
            return (cells, len(block), len(block)) if last else None
        at = match.end()
    return None


@cache
def _cell(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    plain = rb"[^" + mark + rb"\r\n]*"
    # The atomic group keeps an unclosed quote from being closed by half of an escaped one.
    return re.compile(
        rb'(?:"(?P<quoted>(?>(?:[^"]|"")*))"(?P<rest>' + plain + rb')|(?!")(?P<plain>' + plain + rb"))"
        rb"(?:(?P<delimiter>" + mark + rb")|(?P<line>\r\n|\n|\r)|\Z)"
    )
