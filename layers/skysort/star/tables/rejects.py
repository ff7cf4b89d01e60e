"""The table of rows that could not be classified: row, line, column, reason, detail."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from skysort.csv_cells import text_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from skysort.drop.files import Sink

COLUMNS: Final = ("row", "line", "column", "reason", "detail")

# row: 1 for the first data row. line: in the file, 1 for the first, None where a format has no lines.
# column: as the table calls it, empty when the row as a whole is wrong. reason: a stable code.
Reject = tuple[int, "int | None", str, str, str]


class RejectsWriter:
    """Writes rejected rows as CSV; the file is begun with the first of them.

    open_sink: begins the file.
    """

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        self._open_sink = open_sink
        self._sink: Sink | None = None

    def write(self, rejects: Iterable[Reject]) -> None:
        """Append reasons, one line for each value that is wrong."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._sink is None:
            self._sink = self._open_sink()
            writer.writerow(COLUMNS)
        writer.writerows(
            (row, line, text_cell(column), reason, text_cell(detail)) for row, line, column, reason, detail in rejects
        )
        self._sink.write(text.getvalue().encode("utf-8", "replace"))
