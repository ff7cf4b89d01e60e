"""The rows of a classified CSV with the rejected ones in place, read from the columns that skysort appended."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from skysort.csv_cells import written_text
from skysort.errors import MalformedInputError
from skysort.typicality_share import THRESHOLD, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The columns of an answer in a batch's CSV, and in an archive's own table.
ANSWER: Final = ("label", "class_id", "probability", "prediction_set", "typicality", "in_domain")
NO_ANSWER: Final = ("",) * len(ANSWER)
# Of a batch's CSV. result_file: the key, in the results bucket, of a classified table whose rows are not merged.
COLUMNS: Final = ("model", "file", "row", *ANSWER, "result_file", "error")
# The end of a header with the columns of skysort.star.tables.result_columns: after all others, each after a delimiter.
# A comment or a column of the user's may have the same name, but elsewhere.
_APPENDED: Final = re.compile(
    r'(?P<delimiter>[^\w"])"?skysort_class"?'
    r'(?P<classes>(?:(?P=delimiter)"?skysort_p_\w+"?)+)'
    r'(?P<typicality>(?P=delimiter)"?skysort_typicality"?)?'
    r'(?P=delimiter)"?skysort_set"?(?P=delimiter)"?skysort_variant"?(?P=delimiter)"?skysort_model"?$'
)
_COMMENT: Final = "#"
# Variant and model.
_BEHIND_SET: Final = 2


@dataclass(frozen=True, slots=True)
class _Columns:
    """The appended columns, which are found by their position at the end of each row.

    classes: as the columns of probabilities name them. labels: the classes themselves, of a trained model. measured:
    whether the typicality stands between the probabilities and the set.
    """

    delimiter: str
    classes: tuple[str, ...]
    labels: tuple[str, ...] = ()
    measured: bool = False

    def cells(self, line: str) -> tuple[str, int, str, str, str, str] | None:
        """The columns of an answer (ANSWER); None for a line that is not the end of a row."""
        front, *trailing = line.rstrip("\r\n").rsplit(self.delimiter, _BEHIND_SET)
        # A set of several labels is quoted if the bar is the delimiter.
        front, _, members = front[:-1].rpartition('"') if front.endswith('"') else front.rpartition(self.delimiter)
        wanted = len(self.classes) + 1 + self.measured
        _, *cells = front.removesuffix(self.delimiter).rsplit(self.delimiter, wanted)
        if len(trailing) != _BEHIND_SET or len(cells) != wanted:
            return None
        known, label = (self.labels, cells[0]) if self.labels else (self.classes, cells[0].lower())
        if label not in known:
            return None
        class_id = known.index(label)
        typicality = cells[-1] if self.measured else ""
        in_domain = in_words(float(typicality) >= THRESHOLD if typicality else None)
        return cells[0], class_id, cells[1 + class_id], members.replace("|", ";"), typicality, in_domain


def merged(
    result: str, rejected: str, expected: int | None = None, labels: Sequence[str] = ()
) -> Iterator[tuple[object, ...]]:
    """Row number (1 for the first), the columns of its answer, and error, in the input's order.

    Parameters
    ----------
    result
        A classified CSV, in whatever dialect it was dropped.
    rejected
        The table of its rejected rows, or empty text.
    expected
        Number of classified rows, if known.
    labels
        The classes in order, if known: columns' names do not spell every class of a trained model.

    Raises
    ------
    MalformedInputError
        For a table that is not one of skysort's, or is incomplete.
    """
    errors = _errors(rejected)
    numbers = (number for number in count(1) if number not in errors)
    pending = sorted(errors, reverse=True)
    classified = 0
    # The row comes first: a number taken for a missing row would be lost.
    for row in _classified(result, labels):
        number = next(numbers)
        classified += 1
        while pending and pending[-1] < number:
            first = pending.pop()
            yield first, *NO_ANSWER, errors[first]
        yield number, *row, ""
    for number in reversed(pending):
        yield number, *NO_ANSWER, errors[number]
    if expected is not None and classified != expected:
        raise MalformedInputError(f"the classified table has {classified:,} rows, but its record says {expected:,}")


def _classified(result: str, labels: Sequence[str]) -> Iterator[tuple[str, int, str, str, str, str]]:
    """The appended cells of each row, read from the end of its last line: what precedes them is the user's."""
    lines = iter(io.StringIO(result, newline=""))
    columns, first = _header(lines)
    if len(labels) == len(columns.classes):
        columns = replace(columns, labels=tuple(labels))
    rows = map(columns.cells, lines if first is None else chain([first], lines))
    return (cells for cells in rows if cells is not None)


def _header(lines: Iterator[str]) -> tuple[_Columns, str | None]:
    """The columns, and the first line below the header; comments may precede it, and a header may look like one."""
    candidate = None
    for line in lines:
        text = line.rstrip("\r\n")
        comment = text.lstrip("\ufeff \t").startswith(_COMMENT)
        columns = _columns(text)
        if columns is not None and not comment:
            return columns, next(lines, None)
        if candidate is not None and text and not comment:
            return candidate, line
        candidate = columns or candidate
    if candidate is None:
        raise MalformedInputError("the classified table has no header that ends in the columns of skysort")
    return candidate, None


def _columns(line: str) -> _Columns | None:
    match = _APPENDED.search(line)
    if match is None:
        return None
    delimiter = match["delimiter"]
    names = [name.strip('"') for name in match["classes"].split(delimiter)[1:]]
    classes = tuple(name.removeprefix("skysort_p_") for name in names)
    return _Columns(delimiter, classes, measured=match["typicality"] is not None)


def _errors(rejected: str) -> dict[int, str]:
    errors: dict[int, str] = {}
    for row in csv.DictReader(io.StringIO(rejected, newline="")):
        message = ": ".join(written_text(part) for part in (row["column"], row["detail"]) if part)
        number = int(row["row"])
        errors[number] = f"{errors[number]}; {message}" if number in errors else message
    return errors
