"""Tables of stars to records, a record a row, whatever the table's format."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.errors import InputError
from skysort.limits import MIB
from skysort.pictures.parallel import in_order
from skysort.star.tables.detect import Format
from skysort_cli.csv_rows import EXPLAINED_ROWS, ROWS, Chunk, chunks
from skysort_cli.exits import ProblemError
from skysort_cli.in_process import missing
from skysort_cli.table_input import damage, opened, recognised, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skysort_cli.in_process import LocalStars
    from skysort_cli.inputs import Input
    from skysort_cli.pictures import Answering, Record

CSV: Final = "text/csv"
_WAITING_BYTES: Final = 64 * MIB


class StarTables:
    """Classifies tables row by row.

    model: a service's star model or this process's. local: the latter, which reads every format; None over HTTP,
    which takes CSV. jobs: requests at once.
    """

    def __init__(self, model: Answering, local: LocalStars | None, *, jobs: int, explain: bool) -> None:
        self._model = model
        self._local = local
        self._jobs = jobs
        self._rows = EXPLAINED_ROWS if explain else ROWS

    def classify(self, one: Input, emit: Callable[[Record], None]) -> None:
        """Emit a record a row in the table's order, or one with `error` where the whole file cannot be classified."""
        try:
            with opened(one) as file:
                plain, kind = recognised(file)
                if kind is Format.CSV:
                    for record in self._csv(one, plain):
                        emit(record)
                    return
                self._in_process(one, plain, kind, emit)
        except ProblemError as error:
            emit({"file": one.name, "error": error.problem})
        except InputError as error:
            emit({"file": one.name, "error": problems.from_error(error)})

    def _csv(self, one: Input, file: io.BufferedReader) -> Iterator[Record]:
        without_names = False
        answered = in_order(
            self._answer,
            self._chunks(file),
            workers=self._jobs,
            weigh=lambda chunk: len(chunk.body),
            most=_WAITING_BYTES,
        )
        for chunk, answer in answered:
            if isinstance(answer, ProblemError):
                if not chunk.first and not answer.again:
                    raise answer  # the header is wrong, or the table as a whole
                last = chunk.first + chunk.rows
                yield {"file": one.name, "row": chunk.first + 1, "last_row": last, "error": answer.problem}
                continue
            results = answer["results"]
            if not chunk.first:
                without_names = all(result["id"] == str(at) for at, result in enumerate(results))
            for at, result in enumerate(results):
                number = chunk.first + at
                # Without a column of names a row's id is its number in the request; here it is that in the table.
                name = str(number) if without_names and result["id"] == str(at) else result["id"]
                yield {"file": one.name, "row": number + 1, "id": name, **record_of(answer, result)}

    def _in_process(self, one: Input, file: io.BufferedReader, kind: Format, emit: Callable[[Record], None]) -> None:
        if self._local is None:
            raise ProblemError(_only_csv(kind))
        try:
            from skysort_cli.star_tables import record_rows  # noqa: PLC0415 - needs the model's packages

            with damage():
                record_rows(kind, file, self._local, lambda record: emit({"file": one.name, **record}))
        except ImportError as error:
            raise missing(f"{kind.upper()} tables", error) from error

    def _chunks(self, file: io.BufferedReader) -> Iterator[Chunk]:
        with damage():  # of the input alone: what becomes of the output is not in here
            text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
            try:
                yield from chunks(text, self._rows)
            finally:
                with contextlib.suppress(ValueError):  # where the file was closed first
                    text.detach()

    def _answer(self, chunk: Chunk) -> tuple[Chunk, dict[str, Any] | ProblemError]:
        try:
            return chunk, self._model.answer(chunk.body, CSV)
        except ProblemError as error:
            return chunk, error


def _only_csv(kind: Format) -> dict[str, Any]:
    detail = (
        f"over HTTP tables go as CSV, and this is {kind.upper()}: leave --endpoint out to classify it here, "
        "or give it to `skysort drop star`"
    )
    return problems.document(415, "unsupported-format", "Unsupported format", detail)
