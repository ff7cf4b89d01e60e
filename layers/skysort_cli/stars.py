"""Classification of tables of stars, one record per row, in every format.

A CSV of any length is sent as requests of a bounded number of rows, each with the header; cells are not changed. Rows
are separated as by the service (skysort.star.tables.csv.dialect), so that row numbers agree.
"""

from __future__ import annotations

import contextlib
import gzip
import io
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Final, cast

from skysort import problems
from skysort.errors import InputError
from skysort.gzip_stream import GZIP
from skysort.limits import MIB
from skysort.parallel import in_order
from skysort.star.tables.csv.dialect import Head, read_head, table_rows
from skysort.star.tables.detect import HEAD_BYTES, Format, detect
from skysort_cli.exits import ProblemError
from skysort_cli.inputs import damage
from skysort_cli.local import missing_package
from skysort_cli.pictures import record_of
from skysort_cli.wholes import merged, table_domain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from skysort.answers import PictureAnswer, StarAnswer, TableDomain
    from skysort_cli.inputs import Input
    from skysort_cli.local_models import LocalStars
    from skysort_cli.output import Record
    from skysort_cli.pictures import Answer

CSV: Final = "text/csv"
# A request takes about a second, and bodies of wide tables stay well below Lambda's payload limit.
ROWS: Final = 2_000
EXPLAINED_ROWS: Final = 200
CHUNK_BYTES: Final = 2 * MIB
_WAITING_BYTES: Final = 64 * MIB
# The head is read in batches of this many lines.
_LINES_PER_READ: Final = 256


@dataclass(frozen=True, slots=True)
class StarTables:
    """Classifies tables row by row.

    answer: of a service's star model or the local one. local: the latter, which reads every format; None over HTTP,
    where tables are CSV. jobs: concurrent requests. prepare: called with each table before it is read.
    """

    answer: Answer
    local: LocalStars | None
    jobs: int
    explain: bool
    prepare: Callable[[Input], None] | None = None

    def classify(self, item: Input, emit: Callable[[Record], None]) -> TableDomain | None:
        """Emit a record per row in order, or one with `error` if the whole file cannot be classified.

        Returns
        -------
        How typical the table is; None where that is not known.
        """
        pieces: list[TableDomain] = []
        try:
            if self.prepare is not None:
                self.prepare(item)
            with item.opened() as file:
                table, table_format = detected(file)
                if table_format is Format.CSV:
                    for record in self.csv_records(item.name, table, pieces):
                        emit(record)
                else:
                    self._in_process(item, table, table_format, emit)
        except ProblemError as error:
            emit({"file": item.name, "error": error.problem})
        except InputError as error:
            emit({"file": item.name, "error": problems.from_error(error)})
        return merged(pieces) if self.local is None else self.local.judge()

    def csv_records(
        self, name: str, file: io.BufferedReader, pieces: list[TableDomain] | None = None
    ) -> Iterator[Record]:
        """A record per row of a CSV, in order; raises ProblemError for one that is refused as a whole.

        pieces: gets how typical the rows of each request are together, where the service says it.
        """
        has_no_ids = False
        answers = in_order(
            self._answered,
            self._chunks(file),
            workers=self.jobs,
            weigh=lambda chunk: len(chunk.body),
            max_bytes=_WAITING_BYTES,
        )
        for chunk, answer in answers:
            if isinstance(answer, ProblemError):
                if not chunk.first and not answer.retryable:
                    raise answer  # the header is wrong, or the table as a whole
                last = chunk.first + chunk.rows
                yield {"file": name, "row": chunk.first + 1, "last_row": last, "error": answer.problem}
                continue
            results = answer["results"]
            if pieces is not None and (piece := table_domain(answer.get("table"))):
                pieces.append(piece)
            if not chunk.first:
                has_no_ids = all(result["id"] == str(index) for index, result in enumerate(results))
            for index, result in enumerate(results):
                number = chunk.first + index
                # Without a column of ids a row's id is its index in the request; here it becomes that in the table.
                row_id = str(number) if has_no_ids and result["id"] == str(index) else result["id"]
                yield {"file": name, "row": number + 1, "id": row_id, **record_of(answer, result)}

    def _in_process(
        self, item: Input, file: io.BufferedReader, table_format: Format, emit: Callable[[Record], None]
    ) -> None:
        if self.local is None:
            detail = (
                f"over HTTP tables must be CSV, and this is {table_format.upper()}: classify it without --endpoint, "
                "or use `skysort drop star`"
            )
            raise ProblemError(problems.document(415, "unsupported-format", "Unsupported format", detail))
        try:
            from skysort_cli.star_tables import record_rows  # noqa: PLC0415 - needs the model's packages

            with damage():
                record_rows(table_format, file, self.local, lambda record: emit({"file": item.name, **record}))
        except ImportError as error:
            raise missing_package(f"{table_format.upper()} tables", error) from error

    def _chunks(self, file: io.BufferedReader) -> Iterator[Chunk]:
        with damage():  # of the input only, not of the output
            text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
            try:
                yield from chunks(text, EXPLAINED_ROWS if self.explain else ROWS)
            finally:
                with contextlib.suppress(ValueError):  # if the file was closed first
                    text.detach()

    def _answered(self, chunk: Chunk) -> tuple[Chunk, PictureAnswer | StarAnswer | ProblemError]:
        try:
            return chunk, self.answer(chunk.body, CSV)
        except ProblemError as error:
            return chunk, error


def detected(file: io.BufferedReader) -> tuple[io.BufferedReader, Format]:
    """The table's file, decompressed, and its format; raises UnsupportedFormatError."""
    with damage():
        if file.peek(2).startswith(GZIP):
            file = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=cast("IO[bytes]", file))))
        return file, detect(file.peek(HEAD_BYTES)[:HEAD_BYTES])


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a table as a CSV with its header.

    first: index of its first row in the table. rows: number of rows.
    """

    body: bytes
    first: int
    rows: int


def chunks(lines: Iterable[str], max_rows: int = ROWS, max_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Split a table into chunks of at most max_rows rows and about max_bytes bytes.

    Parameters
    ----------
    lines
        The table's lines with line breaks, bytes that are not UTF-8 as surrogates. A table without rows is one chunk,
        for the service to reject.
    max_rows, max_bytes
        Per chunk.

    Yields
    ------
    Chunk
        Each with the table's header.

    Raises
    ------
    InputError
        There is no header, or the rows cannot be separated.
    """
    lines = iter(lines)
    head, below = _head(lines)
    start, first, rows = _header(head), 0, 0
    body = bytearray(start)
    for text, _ in table_rows(chain(below, lines), head):
        row = text if text.endswith(("\n", "\r")) else text + "\n"
        body += row.encode("utf-8", "surrogateescape")
        rows += 1
        if rows >= max_rows or len(body) >= max_bytes:
            yield Chunk(bytes(body), first, rows)
            first, rows, body = first + rows, 0, bytearray(start)
    if rows or not first:
        yield Chunk(bytes(body), first, rows)


def _head(lines: Iterator[str]) -> tuple[Head, Iterable[str]]:
    """The head, and the lines below it that were read with it."""
    head, below = read_head(
        "".join(batch).encode("utf-8", "surrogateescape")
        for batch in iter(lambda: [*islice(lines, _LINES_PER_READ)], [])
    )
    return head, io.StringIO(next(below).decode("utf-8", "surrogateescape"), newline="")


def _header(head: Head) -> bytes:
    """The header line of each chunk, with the units, which the service reads."""
    text = head.text.lstrip(b"# \t") if head.text.startswith(b"#") else head.text
    units = head.delimiter.join(head.units).encode() + b"\n" if head.units else b""
    return text + (head.eol or b"\n") + units
