"""The star model in the drop folder: classification of tables."""

from __future__ import annotations

from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Final

from skysort.drop.keys import REJECTED
from skysort.drop.ledger import Report
from skysort.gzip_stream import GZIP, GzipSink, gunzip
from skysort.observability import label_counts
from skysort.star.tables.detect import HEAD_BYTES, Format, detect
from skysort.star.tables.readers import TableReader
from skysort.star.tables.result_columns import ResultColumns
from skysort.star.tables.rows import RejectsWriter, RowClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from skysort.drop.files import Draft, SourceFile
    from skysort.gzip_stream import Sink
    from skysort.star.model import StarModel

TABLE: Final = ""
SUFFIXES: Final = (TABLE, REJECTED)
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
    """Classifies tables of stars; a skysort.drop.worker.FileClassifier.

    name: the model's, if not its card's. prior: class shares of the data at hand, which re-weight probabilities.
    """

    suffixes = SUFFIXES

    def __init__(self, model: StarModel, name: str = "", prior: Sequence[float] | None = None) -> None:
        self._model = model
        self._prior = prior
        self.name = name or model.card.name
        self.version = model.card.version

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Classify one table; raises InputError for a table that can never be classified."""
        return self.classify_blocks(source.blocks(), draft.open)

    def classify_blocks(self, blocks: Iterable[bytes], open_sink: Callable[[str, str], Sink]) -> Report:
        """Classify a table.

        Parameters
        ----------
        blocks
            The file's bytes, in pieces of any size.
        open_sink
            Opens the result file of a suffix and a media type: the table, and its rejects if there are any.

        Returns
        -------
        The table's summary and metrics.

        Raises
        ------
        InputError
            For a table that can never be classified.
        """
        started = perf_counter()
        kind, gzipped, blocks = recognised(blocks)
        file = open_sink(TABLE, "application/gzip" if gzipped else _CONTENT_TYPES[kind])
        sink = GzipSink(file) if gzipped else file
        model = self._model
        label = f"{self.name} {self.version}"
        appended = ResultColumns(model.labels, label, typicality=model.measures_typicality)
        rejects = RejectsWriter(lambda: open_sink(REJECTED, _CSV))
        with TableReader(kind, blocks, lambda: sink.write(b""), model.schema) as table:
            classifier = RowClassifier(self._model, appended, rejects, table.columns, prior=self._prior)
            for piece in table.begin(appended):
                sink.write(piece)
            for rows in table.rows():
                sink.write(table.render(rows, *classifier.classify(rows)))
                del rows  # frees memory for the next block
            for piece in table.end():
                sink.write(piece)
            for warning, count in table.remarks():
                classifier.warn(warning, count)
        summary = classifier.summary()
        if isinstance(sink, GzipSink):
            sink.close()
        tally = classifier.tally
        rate = tally.total / (perf_counter() - started)
        classes = dict(zip(self._model.labels, tally.classes.tolist(), strict=True))
        counts = {
            "Rows": tally.classified,
            "RowsRejected": tally.rejected,
            **label_counts(classes, () if model.schema.model else model.labels),
        }
        name = f"{kind}.gz" if gzipped else str(kind)
        return Report({"format": name, **summary, "rows_per_second": round(rate)}, counts)


def recognised(blocks: Iterable[bytes]) -> tuple[Format, bool, Iterator[bytes]]:
    """Detect a table's format and gzip; returns its unpacked bytes. Raises UnsupportedFormatError for other files."""
    head, blocks = _peek(blocks)
    gzipped = head.startswith(GZIP)
    if gzipped:
        head, blocks = _peek(gunzip(blocks))
    return detect(head), gzipped, blocks


def _peek(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a stream, and the whole stream."""
    stream = iter(blocks)
    head = b""
    peeked = []
    for block in stream:
        peeked.append(block)
        head += block[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES], chain(peeked, stream)
