"""One CSV of a batch's results: a line a picture, a member of an archive, or a row of a CSV table; in pages."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from skysort.batches import star_rows
from skysort.batches.cursor import Cursor
from skysort.batches.match import BatchFile, State
from skysort.batches.status import end_of
from skysort.clients import EVERYBODY
from skysort.csv_cells import long_cells, text_cell, written_text
from skysort.drop import keys
from skysort.errors import InputError, NotFoundError
from skysort.guard import reading
from skysort.limits import (
    BATCH_CSV_BYTES,
    BATCH_CSV_ROWS,
    BATCH_CSV_TABLE_BYTES,
    BATCH_FILES_PER_PAGE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.batches.status import BatchStatusService, Page
    from skysort.clients import Client

# result_file: where a classified table stands in the results bucket whose rows are not merged.
COLUMNS: Final = ("model", "file", "row", "label", "class_id", "probability", "prediction_set", "result_file", "error")
# As a sentence about it begins.
_RESULT: Final = "its result"
# Records fetched ahead, side by side.
_AHEAD: Final = 64
Row = tuple[object, ...]


class BatchTable:
    """Merges the results of a batch. rows, size: lines and bytes (of UTF-8 as JSON text) after which a page ends."""

    def __init__(self, service: BatchStatusService, *, rows: int = BATCH_CSV_ROWS, size: int = BATCH_CSV_BYTES) -> None:
        self._service = service
        self._rows = rows
        self._size = size

    def page(self, batch: str, page: Page, client: Client = EVERYBODY) -> tuple[str, Cursor | None]:
        """The lines from a page's cursor on, with a header on the first page, and where the next begins.

        Files that wait have no line yet. Raises NotFoundError, InfrastructureError.
        """
        with long_cells():
            return self._page(batch, page, client)

    def _page(self, batch: str, page: Page, client: Client) -> tuple[str, Cursor | None]:
        segments = self._service.segments(batch, page, client)
        text = _Text()
        at = page.cursor
        if at == Cursor():
            text.write(COLUMNS)
        every = (file for segment in segments.values() for file in segment.files)
        count = 0
        for file, rows in self._files(islice(every, BATCH_FILES_PER_PAGE)):
            told = at.row
            for row in islice(rows, told, None):
                if count and (count >= self._rows or text.size >= self._size):
                    return text.whole(), Cursor(at.model, at.after, told)
                text.write((file.model, *row))
                told += 1
                count += 1
            at = Cursor(file.model, file.name)
        if next(every, None) is not None:
            return text.whole(), at
        return text.whole(), end_of(segments)

    def _files(self, files: Iterator[BatchFile]) -> Iterator[tuple[BatchFile, Iterator[Row]]]:
        """Each file with its rows; records of pictures are fetched side by side."""
        while chunk := list(islice(files, _AHEAD)):
            for file, rows in zip(chunk, self._service.side_by_side(self._rows_of, chunk), strict=True):
                yield file, _readable(file, rows)

    def _rows_of(self, file: BatchFile) -> Iterator[Row]:
        """A file's rows: what is small is read at once, a table as it is come to."""
        try:
            with reading(_RESULT):
                return self._told(file)
        except InputError as error:
            return iter([_refused(file.name, error.detail)])

    def _told(self, file: BatchFile) -> Iterator[Row]:
        if file.state is State.WAITING:
            return iter(())
        if file.state is State.DONE and keys.TABLE in file.records:
            return self._members(file)
        if file.state is State.DONE and "" in file.records:
            return self._table(file)
        record = self._service.read_json(file.record.key) if file.record else None
        if record is None:
            return iter([_refused(file.name, "its record has gone")])
        if file.state is State.FAILED:
            return iter([_refused(file.name, record.get("detail"))])
        best = (record.get("predictions") or [{}])[0]
        inside = ";".join(record.get("prediction_set") or ())
        told = best.get("label"), best.get("class_id"), best.get("probability"), inside
        return iter([(file.name, "", *told, "", "")])

    def _members(self, file: BatchFile) -> Iterator[Row]:
        """The lines of an archive's own table, each under the archive's name."""
        if file.records[keys.TABLE].size > BATCH_CSV_TABLE_BYTES:
            yield file.name, "", "", "", "", "", file.records[keys.TABLE].key, ""
            return
        lines = csv.reader(io.StringIO(self._text(file, keys.TABLE), newline=""))
        for name, label, class_id, probability, inside, error in islice(lines, 1, None):
            yield f"{file.name}/{written_text(name)}", "", label, class_id, probability, inside, "", written_text(error)

    def _table(self, file: BatchFile) -> Iterator[Row]:
        """The rows of a classified CSV, those that were rejected in their places; other tables are pointed to."""
        record = self._service.read_json(file.records[keys.SUMMARY].key) or {}
        together = sum(file.records[suffix].size for suffix in ("", keys.REJECTED) if suffix in file.records)
        if record.get("format") != "csv" or together > BATCH_CSV_TABLE_BYTES:
            yield from _pointed_to(file, record)
            return
        rejected = self._text(file, keys.REJECTED) if keys.REJECTED in file.records else ""
        expected = (record.get("rows") or {}).get("classified")
        for *told, error in star_rows.merged(self._text(file, ""), rejected, expected):
            yield file.name, *told, "", error

    def _text(self, file: BatchFile, suffix: str) -> str:
        try:
            return self._service.read(file.records[suffix].key, BATCH_CSV_TABLE_BYTES).decode("utf-8", "replace")
        except NotFoundError:
            return ""


class _Text:
    """The lines of a page, and the bytes that they take of an answer: UTF-8, with quotes and line ends escaped."""

    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self.size = 0

    def write(self, row: Row) -> None:
        start = self._text.tell()
        self._writer.writerow([text_cell(cell) if isinstance(cell, str) else cell for cell in row])
        self._text.seek(start)
        self.size += len(json.dumps(self._text.read(), ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def whole(self) -> str:
        return self._text.getvalue()


def _readable(file: BatchFile, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a file, and a line that says so where they cannot be read to their end."""
    while True:
        try:
            with reading(_RESULT):
                row = next(rows, None)
        except InputError as error:
            yield _refused(file.name, error.detail)
            return
        if row is None:
            return
        yield row


def _pointed_to(file: BatchFile, record: Mapping[str, Any]) -> Iterator[Row]:
    """A table that stays whole: a line for its result file, and one for its rejected rows where there are some."""
    yield file.name, "", "", "", "", "", file.records[""].key, ""
    if keys.REJECTED in file.records:
        rows = record.get("rows") or {}
        of = f"{rows['rejected']:,} of {rows['total']:,}" if rows.keys() >= {"rejected", "total"} else "some"
        error = f"{of} rows cannot be classified; the result file says why"
        yield file.name, "", "", "", "", "", file.records[keys.REJECTED].key, error


def _refused(name: str, error: object) -> Row:
    return name, "", "", "", "", "", "", error
