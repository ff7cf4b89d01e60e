"""FITS, VOTable, Parquet, ECSV and IPAC tables in this process: a record a row, or the table with appended columns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import InputError
from skysort.limits import MIB, STAR_EXPLAINED_ROWS_PER_REQUEST, STAR_ROWS_PER_REQUEST
from skysort.star.body import StarRequest
from skysort.star.columns import Reason, without_sentinels
from skysort.star.rows import StarRow, sentinel_note
from skysort.star.tables.classifier import TableClassifier
from skysort.star.tables.readers import TableReader
from skysort_cli.inputs import damage
from skysort_cli.output import whole_file
from skysort_cli.pictures import record_of

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from skysort.star.tables.detect import Format
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.rows import Measured
    from skysort_cli.inputs import Input
    from skysort_cli.local import LocalStars
    from skysort_cli.output import Record

_BLOCK: Final = 8 * MIB


def record_rows(kind: Format, file: io.BufferedReader, local: LocalStars, emit: Callable[[Record], None]) -> None:
    """Emit a record for every row of a table that is no CSV; raises InputError and ImportError."""
    explained = str(local.query.get("explain", "")).lower() == "true"
    at_once = STAR_EXPLAINED_ROWS_PER_REQUEST if explained else STAR_ROWS_PER_REQUEST
    count = 0
    with TableReader(kind, _blocks(file)) as table:
        for rows in table.rows():
            found = list(_star_rows(rows.measured, table.columns, count + 1))
            count += len(found)
            for start in range(0, len(found), at_once):
                part = found[start : start + at_once]
                answer = local.classifier.answer(StarRequest(part), local.query)
                for row, result in zip(part, answer["results"], strict=True):
                    emit({"row": int(row.id), **record_of(answer, result)})


def _star_rows(measured: Measured, columns: MeasuredColumns, first: int) -> Iterator[StarRow]:
    """The rows of a block as those of a request, named by their numbers, of which the first is given."""
    reasons = measured.reasons()
    photometry, sentinels = without_sentinels(measured.photometry)
    given = measured.photometry.redshift
    values = np.column_stack([photometry.magnitudes, photometry.redshift]).tolist()
    for at, (row, wrong) in enumerate(zip(values, (reasons != Reason.OK).any(axis=1), strict=True)):
        errors = tuple(measured.problems(at, reasons[at], columns.names)) if wrong else ()
        left_out = sentinels and np.isnan(row[-1]) and not np.isnan(given[at])
        warnings = (*columns.notes, sentinel_note(float(given[at]))) if left_out else columns.notes
        yield StarRow(str(first + at), tuple(row), errors, warnings)


def classify_whole(item: Input, out: Path, local: LocalStars) -> dict[str, Any]:
    """Write a table with appended columns, and its rejects beside, as the drop folder does; returns the summary."""
    with item.opened() as file, damage(), ExitStack() as files:

        def begin(suffix: str, _content_type: str) -> BinaryIO:
            return files.enter_context(whole_file(out.with_name(out.name + suffix)))

        report = TableClassifier(local.model).classify_blocks(_blocks(file), begin)
    return dict(report.summary)


def _blocks(file: io.BufferedReader) -> Iterator[bytes]:
    empty = True
    while block := file.read(_BLOCK):
        empty = False
        yield block
    if empty:
        raise InputError("the file is empty: it has no bytes")
