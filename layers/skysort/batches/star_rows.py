"""The rows of a classified star table, in the columns that every model's results have in common."""

from __future__ import annotations

import csv
import io
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# As skysort.star.tables.appended names them.
_LABEL: Final = "skysort_class"
_PROBABILITY: Final = "skysort_p_"
_SET: Final = "skysort_set"


def merged(result: str, rejected: str) -> Iterator[tuple[object, ...]]:
    """Row number (1 for the first), label, class id, probability, prediction set and error, in the input's order.

    result: a classified CSV, in whatever dialect it was dropped. rejected: the table of its rejected rows, or nothing.
    """
    errors = _errors(rejected)
    numbers = (number for number in count(1) if number not in errors)
    pending = sorted(errors)
    for number, row in zip(numbers, _classified(result), strict=False):
        while pending and pending[0] < number:
            first = pending.pop(0)
            yield first, "", "", "", "", errors[first]
        yield number, *row, ""
    for number in pending:
        yield number, "", "", "", "", errors[number]


def _classified(result: str) -> Iterator[tuple[str, int, str, str]]:
    lines = iter(io.StringIO(result, newline=""))
    header = next((line for line in lines if _LABEL in line), "")
    at = header.find(_LABEL)
    if at < 1:
        return
    before = header[:at].rstrip('"')
    delimiter = before[-1:] if before else ","
    names = [name.strip().strip('"') for name in next(csv.reader([header], delimiter=delimiter))]
    chances = [index for index, name in enumerate(names) if name.startswith(_PROBABILITY)]
    classes = [names[index].removeprefix(_PROBABILITY) for index in chances]
    label, inside = names.index(_LABEL), names.index(_SET)
    for cells in csv.reader(lines, delimiter=delimiter):
        if len(cells) != len(names):
            continue
        class_id = classes.index(cells[label].lower())
        yield cells[label], class_id, cells[chances[class_id]], cells[inside].replace("|", ";")


def _errors(rejected: str) -> dict[int, str]:
    errors: dict[int, str] = {}
    for row in csv.DictReader(io.StringIO(rejected, newline="")):
        said = ": ".join(part for part in (row["column"], row["detail"]) if part)
        number = int(row["row"])
        errors[number] = f"{errors[number]}; {said}" if number in errors else said
    return errors
