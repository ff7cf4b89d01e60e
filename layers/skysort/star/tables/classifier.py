"""The star model in the drop folder: any table in, the same table classified out."""

from __future__ import annotations

from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Final

from skysort.answer_metrics import label_counts
from skysort.drop.keys import REJECTED
from skysort.drop.ledger import Report
from skysort.gzip_stream import GZIP, GzipSink, gunzip
from skysort.star.tables.detect import HEAD_BYTES, Format, detect
from skysort.star.tables.readers import read_table
from skysort.star.tables.rejects import RejectsWriter
from skysort.star.tables.result_columns import ResultColumns
from skysort.star.tables.rows import RowClassifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort.drop.files import Draft, SourceFile
    from skysort.star.model import StarModel

TABLE: Final = ""
_CSV: Final = "text/csv"
_CONTENT_TYPES: Final = {
    Format.CSV: _CSV,
    Format.FITS: "application/fits",
    Format.VOTABLE: "application/x-votable+xml",
    Format.PARQUET: "application/vnd.apache.parquet",
    # Neither has a registered type.
    Format.ECSV: "text/plain",
    Format.IPAC: "text/plain",
}


class TableClassifier:
    """Classifies tables of stars; a skysort.drop.worker.FileClassifier."""

    suffixes = (TABLE, REJECTED)

    def __init__(self, model: StarModel) -> None:
        self._model = model
        self.name = model.card.name
        self.version = model.card.version

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Classify one table; raises InputError when it can never succeed."""
        started = perf_counter()
        head, blocks = _peek(source.blocks())
        gzipped = head.startswith(GZIP)
        if gzipped:
            head, blocks = _peek(gunzip(blocks))
        kind = detect(head)
        file = draft.open(TABLE, "application/gzip" if gzipped else _CONTENT_TYPES[kind])
        sink = GzipSink(file) if gzipped else file
        rejects = RejectsWriter(lambda: draft.open(REJECTED, _CSV))
        appended = ResultColumns(self._model.labels, f"{self.name} {self.version}")
        rows = RowClassifier(self._model, appended, rejects)
        read_table(kind, blocks, rows, sink)
        summary = rows.summary()
        if isinstance(sink, GzipSink):
            sink.close()
        rate = rows.tally.total / (perf_counter() - started)
        classes = dict(zip(self._model.labels, rows.tally.classes.tolist(), strict=True))
        counts = {
            "Rows": rows.tally.classified,
            "RowsRejected": rows.tally.rejected,
            **label_counts(classes, self._model.labels),
        }
        name = f"{kind}.gz" if gzipped else str(kind)
        return Report({"format": name, **summary, "rows_per_second": round(rate)}, counts)


def _peek(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a stream, and the whole stream."""
    stream = iter(blocks)
    head = b""
    taken = []
    for block in stream:
        taken.append(block)
        head += block[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES], chain(taken, stream)
