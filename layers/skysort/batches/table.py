"""One CSV of a batch's results, in pages: a line per picture, archive member, or row of a CSV table."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, Final

from skysort.batches.match import BatchFile, State
from skysort.batches.status import Cursor, cursor_after
from skysort.clients import EVERYBODY
from skysort.csv_cells import long_cells, text_cell, written_text
from skysort.drop import keys
from skysort.errors import InputError, MalformedInputError, NotFoundError
from skysort.guard import reading
from skysort.limits import BATCH_CSV_BYTES, BATCH_CSV_ROWS, BATCH_CSV_TABLE_BYTES, BATCH_FILES_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skysort.batches.status import BatchStatusService, Page
    from skysort.clients import Client

# result_file: the key, in the results bucket, of a classified table whose rows are not merged.
COLUMNS: Final = ("model", "file", "row", "label", "class_id", "probability", "prediction_set", "result_file", "error")
# The subject of error messages.
_RESULT: Final = "its result"
# Records prefetched in parallel.
_AHEAD: Final = 64
Row = tuple[object, ...]


class BatchTable:
    """Merges the results of a batch. rows, size: lines and bytes (of UTF-8 as JSON text) after which a page ends."""

    def __init__(self, service: BatchStatusService, *, rows: int = BATCH_CSV_ROWS, size: int = BATCH_CSV_BYTES) -> None:
        self._service = service
        self._rows = rows
        self._size = size

    def page(self, batch: str, page: Page, client: Client = EVERYBODY) -> tuple[str, Cursor | None]:
        """The lines from a page's cursor on, with a header on the first page, and where the next page begins.

        Returns
        -------
        CSV text, without lines for waiting files; the next page's cursor, None after the last.

        Raises
        ------
        NotFoundError, InfrastructureError
            For a batch without any file; if S3 fails.
        """
        with long_cells():
            return self._page(batch, page, client)

    def _page(self, batch: str, page: Page, client: Client) -> tuple[str, Cursor | None]:
        segments = self._service.segments(batch, page, client)
        text = _Text()
        position = page.cursor
        if position == Cursor():
            text.write(COLUMNS)
        files = (file for segment in segments.values() for file in segment.files)
        count = 0
        for file, rows in self._files(islice(files, BATCH_FILES_PER_PAGE)):
            row_number = position.row
            for row in islice(rows, row_number, None):
                if count and (count >= self._rows or text.size >= self._size):
                    return text.getvalue(), Cursor(position.model, position.after, row_number)
                text.write((file.model, *row))
                row_number += 1
                count += 1
            position = Cursor(file.model, file.name)
        if next(files, None) is not None:
            return text.getvalue(), position
        return text.getvalue(), cursor_after(segments)

    def _files(self, files: Iterator[BatchFile]) -> Iterator[tuple[BatchFile, Iterator[Row]]]:
        """Each file with its rows; records of pictures are fetched in parallel."""
        while chunk := list(islice(files, _AHEAD)):
            for file, rows in zip(chunk, self._service.in_parallel(self._rows_of, chunk), strict=True):
                yield file, _readable(file, rows)

    def _rows_of(self, file: BatchFile) -> Iterator[Row]:
        """A file's rows: records are read at once, tables lazily."""
        try:
            with reading(_RESULT):
                return self._lines_of(file)
        except InputError as error:
            return iter([_error_row(file.name, error.detail)])

    def _lines_of(self, file: BatchFile) -> Iterator[Row]:
        if file.state is State.WAITING:
            return iter(())
        if file.state is State.DONE and keys.TABLE in file.records:
            return self._members(file)
        if file.state is State.DONE and "" in file.records:
            return self._table(file)
        record = self._service.read_json(file.record.key) if file.record else None
        if record is None:
            return iter([_error_row(file.name, "its record no longer exists")])
        if file.state is State.FAILED:
            return iter([_error_row(file.name, record.get("detail"))])
        best = (record.get("predictions") or [{}])[0]
        prediction_set = ";".join(record.get("prediction_set") or ())
        cells = best.get("label"), best.get("class_id"), best.get("probability"), prediction_set
        return iter([(file.name, "", *cells, "", "")])

    def _members(self, file: BatchFile) -> Iterator[Row]:
        """The lines of an archive's own table, each under the archive's name."""
        if file.records[keys.TABLE].size > BATCH_CSV_TABLE_BYTES:
            yield file.name, "", "", "", "", "", file.records[keys.TABLE].key, ""
            return
        lines = csv.reader(io.StringIO(self._text(file, keys.TABLE), newline=""))
        for name, label, class_id, probability, labels, error in islice(lines, 1, None):
            yield f"{file.name}/{written_text(name)}", "", label, class_id, probability, labels, "", written_text(error)

    def _table(self, file: BatchFile) -> Iterator[Row]:
        """The rows of a classified CSV, with the rejected ones in place; a reference to any other table."""
        record = self._service.read_json(file.records[keys.SUMMARY].key) or {}
        total_bytes = sum(file.records[suffix].size for suffix in ("", keys.REJECTED) if suffix in file.records)
        if record.get("format") != "csv" or total_bytes > BATCH_CSV_TABLE_BYTES:
            yield from _references(file, record)
            return
        rejected = self._text(file, keys.REJECTED) if keys.REJECTED in file.records else ""
        expected = (record.get("rows") or {}).get("classified")
        labels = tuple(record.get("classes") or ())
        for *cells, error in merged(self._text(file, ""), rejected, expected, labels):
            yield file.name, *cells, "", error

    def _text(self, file: BatchFile, suffix: str) -> str:
        try:
            return self._service.read(file.records[suffix].key, BATCH_CSV_TABLE_BYTES).decode("utf-8", "replace")
        except NotFoundError:
            return ""


class _Text:
    """The lines of a page, and their size in an answer: UTF-8 bytes, with quotes and line breaks escaped."""

    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self.size = 0

    def write(self, row: Row) -> None:
        start = self._text.tell()
        self._writer.writerow([text_cell(cell) if isinstance(cell, str) else cell for cell in row])
        self._text.seek(start)
        self.size += len(json.dumps(self._text.read(), ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def getvalue(self) -> str:
        return self._text.getvalue()


def _readable(file: BatchFile, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a file, with an error row at the end if the rest cannot be read."""
    while True:
        try:
            with reading(_RESULT):
                row = next(rows, None)
        except InputError as error:
            yield _error_row(file.name, error.detail)
            return
        if row is None:
            return
        yield row


def _references(file: BatchFile, record: Mapping[str, Any]) -> Iterator[Row]:
    """Lines for an unmerged table: one for its result file, and one for its rejected rows if there are any."""
    yield file.name, "", "", "", "", "", file.records[""].key, ""
    if keys.REJECTED in file.records:
        rows = record.get("rows") or {}
        share = f"{rows['rejected']:,} of {rows['total']:,}" if rows.keys() >= {"rejected", "total"} else "some"
        error = f"{share} rows cannot be classified; the result file says why"
        yield file.name, "", "", "", "", "", file.records[keys.REJECTED].key, error


def _error_row(name: str, error: object) -> Row:
    return name, "", "", "", "", "", "", error


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

    classes: as the columns of probabilities name them. labels: the classes themselves, of a trained model. more: the
    columns between the probabilities and the set.
    """

    delimiter: str
    classes: tuple[str, ...]
    labels: tuple[str, ...] = ()
    more: int = 0

    def cells(self, line: str) -> tuple[str, int, str, str] | None:
        """Label, class id, probability and prediction set; None for a line that is not the end of a row."""
        front, *trailing = line.rstrip("\r\n").rsplit(self.delimiter, _BEHIND_SET)
        # A set of several labels is quoted if the bar is the delimiter.
        front, _, members = front[:-1].rpartition('"') if front.endswith('"') else front.rpartition(self.delimiter)
        wanted = len(self.classes) + 1 + self.more
        _, *cells = front.removesuffix(self.delimiter).rsplit(self.delimiter, wanted)
        if len(trailing) != _BEHIND_SET or len(cells) != wanted:
            return None
        known, label = (self.labels, cells[0]) if self.labels else (self.classes, cells[0].lower())
        if label not in known:
            return None
        class_id = known.index(label)
        return cells[0], class_id, cells[1 + class_id], members.replace("|", ";")


def merged(
    result: str, rejected: str, expected: int | None = None, labels: Sequence[str] = ()
) -> Iterator[tuple[object, ...]]:
    """Row number (1 for the first), label, class id, probability, prediction set and error, in the input's order.

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
            yield first, "", "", "", "", errors[first]
        yield number, *row, ""
    for number in reversed(pending):
        yield number, "", "", "", "", errors[number]
    if expected is not None and classified != expected:
        raise MalformedInputError(f"the classified table has {classified:,} rows, but its record says {expected:,}")


def _classified(result: str, labels: Sequence[str]) -> Iterator[tuple[str, int, str, str]]:
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
    return _Columns(delimiter, classes, more=int(match["typicality"] is not None))


def _errors(rejected: str) -> dict[int, str]:
    errors: dict[int, str] = {}
    for row in csv.DictReader(io.StringIO(rejected, newline="")):
        message = ": ".join(written_text(part) for part in (row["column"], row["detail"]) if part)
        number = int(row["row"])
        errors[number] = f"{errors[number]}; {message}" if number in errors else message
    return errors
