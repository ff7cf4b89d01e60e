"""The rows of a classified star table, in the columns that every model's results have in common."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from skysort.csv_cells import written_text
from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The end of a header, as skysort.star.tables.result_columns names them: behind all others, each after a delimiter.
# A comment or a column of the user's may be called like one of them, and stands elsewhere.
_APPENDED: Final = re.compile(
    r'(?P<delimiter>[^\w"])"?skysort_class"?'
    r'(?P<classes>(?:(?P=delimiter)"?skysort_p_\w+"?)+)'
    r'(?P=delimiter)"?skysort_set"?(?P=delimiter)"?skysort_variant"?(?P=delimiter)"?skysort_model"?$'
)
_COMMENT: Final = "#"
# Variant and model.
_BEHIND_SET: Final = 2


@dataclass(frozen=True, slots=True)
class _Columns:
    """How the appended cells of a row are told from the others: by their place at its end."""

    delimiter: str
    classes: tuple[str, ...]

    def cells(self, line: str) -> tuple[str, int, str, str] | None:
        """Label, class id, probability and prediction set; None for a line that is not the end of a row."""
        front, *beside = line.rstrip("\r\n").rsplit(self.delimiter, _BEHIND_SET)
        # A set of several stands in quotes where its bar is the delimiter.
        front, _, members = front[:-1].rpartition('"') if front.endswith('"') else front.rpartition(self.delimiter)
        _, *cells = front.removesuffix(self.delimiter).rsplit(self.delimiter, len(self.classes) + 1)
        if len(beside) != _BEHIND_SET or len(cells) != len(self.classes) + 1 or cells[0].lower() not in self.classes:
            return None
        class_id = self.classes.index(cells[0].lower())
        return cells[0], class_id, cells[1 + class_id], members.replace("|", ";")


def merged(result: str, rejected: str, expected: int | None = None) -> Iterator[tuple[object, ...]]:
    """Row number (1 for the first), label, class id, probability, prediction set and error, in the input's order.

    result: a classified CSV, in whatever dialect it was dropped. rejected: the table of its rejected rows, or nothing.
    expected: how many rows were classified, where that is known. Raises MalformedInputError for a table that skysort
    did not write, or of which a part is missing.
    """
    errors = _errors(rejected)
    numbers = (number for number in count(1) if number not in errors)
    pending = sorted(errors, reverse=True)
    found = 0
    # Rows are asked for first: a number taken for a row that is not there would be lost.
    for row in _classified(result):
        number = next(numbers)
        found += 1
        while pending and pending[-1] < number:
            first = pending.pop()
            yield first, "", "", "", "", errors[first]
        yield number, *row, ""
    for number in reversed(pending):
        yield number, "", "", "", "", errors[number]
    if expected is not None and found != expected:
        raise MalformedInputError(f"the classified table has {found:,} rows, its record tells of {expected:,}")


def _classified(result: str) -> Iterator[tuple[str, int, str, str]]:
    """The appended cells of each row, read from the end of its last line: what stands before is the user's."""
    lines = iter(io.StringIO(result, newline=""))
    columns, line = _header(lines)
    while line is not None:
        cells = columns.cells(line)
        if cells is not None:
            yield cells
        line = next(lines, None)


def _header(lines: Iterator[str]) -> tuple[_Columns, str | None]:
    """The columns, and the first line behind the header; comments may stand above, and a header may look like one."""
    found = None
    for line in lines:
        text = line.rstrip("\r\n")
        comment = text.lstrip("\ufeff \t").startswith(_COMMENT)
        columns = _columns(text)
        if columns is not None and not comment:
            return columns, next(lines, None)
        if found is not None and text and not comment:
            return found, line
        found = columns or found
    if found is None:
        raise MalformedInputError("the classified table has no header with the columns of skysort at its end")
    return found, None


def _columns(line: str) -> _Columns | None:
    match = _APPENDED.search(line)
    if match is None:
        return None
    delimiter = match["delimiter"]
    names = [name.strip('"') for name in match["classes"].split(delimiter)[1:]]
    return _Columns(delimiter, tuple(name.removeprefix("skysort_p_") for name in names))


def _errors(rejected: str) -> dict[int, str]:
    errors: dict[int, str] = {}
    for row in csv.DictReader(io.StringIO(rejected, newline="")):
        said = ": ".join(written_text(part) for part in (row["column"], row["detail"]) if part)
        number = int(row["row"])
        errors[number] = f"{errors[number]}; {said}" if number in errors else said
    return errors
