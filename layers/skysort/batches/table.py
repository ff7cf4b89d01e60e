"""One CSV of a batch's results, in pages: a line per picture, archive member, or row of a CSV table."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from skysort.batches.match import BatchFile, State
from skysort.batches.merged import ANSWER, COLUMNS, NO_ANSWER, merged
from skysort.batches.status import Cursor, cursor_after
from skysort.clients import EVERYBODY
from skysort.csv_cells import long_cells, text_cell, written_text
from skysort.drop import keys
from skysort.errors import InputError, NotFoundError
from skysort.guard import reading
from skysort.limits import BATCH_CSV_BYTES, BATCH_CSV_ROWS, BATCH_CSV_TABLE_BYTES, BATCH_FILES_PER_PAGE
from skysort.typicality_share import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.batches.status import BatchStatusService, Page
    from skysort.clients import Client

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
        return iter([(file.name, "", *cells, record.get("typicality"), in_words(record.get("in_domain")), "", "")])

    def _members(self, file: BatchFile) -> Iterator[Row]:
        """The lines of an archive's own table, each under the archive's name."""
        if file.records[keys.TABLE].size > BATCH_CSV_TABLE_BYTES:
            yield file.name, "", *NO_ANSWER, file.records[keys.TABLE].key, ""
            return
        for line in csv.DictReader(io.StringIO(self._text(file, keys.TABLE), newline="")):
            # Tables of earlier versions have no typicality.
            answer = (line.get(name, "") for name in ANSWER)
            yield f"{file.name}/{written_text(line['file'])}", "", *answer, "", written_text(line["error"])

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
    yield file.name, "", *NO_ANSWER, file.records[""].key, ""
    if keys.REJECTED in file.records:
        rows = record.get("rows") or {}
        share = f"{rows['rejected']:,} of {rows['total']:,}" if rows.keys() >= {"rejected", "total"} else "some"
        error = f"{share} rows cannot be classified; the result file says why"
        yield file.name, "", *NO_ANSWER, file.records[keys.REJECTED].key, error


def _error_row(name: str, error: object) -> Row:
    return name, "", *NO_ANSWER, "", error
