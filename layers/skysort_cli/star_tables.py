"""FITS, VOTable, Parquet, ECSV and IPAC tables in process: one record per row, or the table with appended columns."""

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
from skysort_cli.output import atomic_file
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
    from skysort_cli.local_models import LocalStars
    from skysort_cli.output import Record

_BLOCK: Final = 8 * MIB


def record_rows(
    table_format: Format, file: io.BufferedReader, local: LocalStars, emit: Callable[[Record], None]
) -> None:
    """Emit a record for every row of a table that is not CSV; raises InputError and ImportError."""
    explained = str(local.query.get("explain", "")).lower() == "true"
    chunk_rows = STAR_EXPLAINED_ROWS_PER_REQUEST if explained else STAR_ROWS_PER_REQUEST
    count = 0
    with TableReader(table_format, blocks(file), schema=local.model.schema) as table:
        for rows in table.rows():
            star_rows = list(_star_rows(rows.measured, table.columns, count + 1))
            count += len(star_rows)
            for start in range(0, len(star_rows), chunk_rows):
                chunk = star_rows[start : start + chunk_rows]
                answer = local.answer_rows(StarRequest(chunk))
                for row, result in zip(chunk, answer["results"], strict=True):
                    emit({"row": int(row.id), **record_of(answer, result)})


def _star_rows(measured: Measured, columns: MeasuredColumns, first: int) -> Iterator[StarRow]:
    """The rows of a block as rows of a request, with their numbers, from first on, as ids."""
    reasons = measured.reasons()
    photometry, sentinels = without_sentinels(measured.photometry, columns.schema)
    redshifts = measured.photometry.redshift
    values = np.column_stack([photometry.magnitudes, photometry.redshift]).tolist()
    for index, (row, is_invalid) in enumerate(zip(values, (reasons != Reason.OK).any(axis=1), strict=True)):
        errors = tuple(measured.problems(index, reasons[index], columns.names)) if is_invalid else ()
        was_sentinel = sentinels and np.isnan(row[-1]) and not np.isnan(redshifts[index])
        warnings = (*columns.notes, sentinel_note(float(redshifts[index]))) if was_sentinel else columns.notes
        yield StarRow(str(first + index), tuple(row), errors, warnings)


def classify_whole(item: Input, out: Path, local: LocalStars) -> dict[str, Any]:
    """Write a table with appended columns and its rejected rows, as the drop folder does; returns the summary."""
    with item.opened() as file, damage(), ExitStack() as files:

        def begin(suffix: str, _content_type: str) -> BinaryIO:
            return files.enter_context(atomic_file(out.with_name(out.name + suffix)))

        report = TableClassifier(local.model, prior=local.prior).classify_blocks(blocks(file), begin)
    return dict(report.summary)


def blocks(file: io.BufferedReader) -> Iterator[bytes]:
    """The bytes of a table in pieces; raises InputError for an empty file."""
    empty = True
    while block := file.read(_BLOCK):
        empty = False
        yield block
    if empty:
        raise InputError("the file is empty: it has no bytes")
