"""Bulk jobs on tables of stars: slices read, classified and written block by block, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from skysort.bulk.columns import PLACE, Column
from skysort.bulk.counts import Failure, Rows, Tally
from skysort.bulk.engine import END, options_of
from skysort.bulk.output import ARROW, coded, constant, place
from skysort.bulk.store import SourceChangedError, blocks
from skysort.bulk.tables.own import OWN, OwnColumns
from skysort.bulk.tables.read import open_slice
from skysort.errors import InputError, MalformedInputError
from skysort.guard import reading
from skysort.input_warnings import InputWarning
from skysort.star.row_sample import RowSample
from skysort.star.tables.detect import Format
from skysort.star.tables.result_columns import ResultColumns
from skysort.star.tables.rows import RowClassifier
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysort.bulk.engine import Work
    from skysort.bulk.manifest import Slice
    from skysort.bulk.output import Output
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceStore
    from skysort.star.model import StarModel
    from skysort.star.tables.result_columns import Values
    from skysort.star.tables.rows import Reject
    from skysort.star.tables.rows import Rows as Block


class TableEngine:
    """A star model for bulk jobs. name: as jobs spell it."""

    def __init__(self, model: StarModel, name: str, threads: int = 1) -> None:
        self.name = name
        self.version = model.card.version
        self.labels = model.labels
        self.threads = threads
        self._model = model

    def columns(self, job: Job, sources: SourceStore, sample: Slice) -> list[Column]:
        """The columns of a job's results; carried ones have the types of the sample, texts where there is no row.

        Parameters
        ----------
        job, sources, sample
            See skysort.bulk.engine.Engine.

        Returns
        -------
        list of Column
            Those of every table first.

        Raises
        ------
        InputError
            If the source lacks columns, or the job has class shares that the model cannot take.
        """
        options_of(job, self.labels, self._model.no_prior)
        beside = OwnColumns(job.columns)
        with open_slice(sources, sample, bool, self._model.schema, beside) as table:
            first = next((rows.carried() for rows in table.rows()), None)
        types = beside.types(first)
        appended = self._appended().described
        return [
            *PLACE,
            *(column for column, _ in OWN),
            *map(Column, job.columns, types),
            *(Column(about.name, "float" if about.numeric else "string") for about in appended),
        ]

    def run(self, work: Work, output: Output) -> Tally:
        """Classify slices; see skysort.bulk.engine.Engine."""
        tally = Tally(typicality=TypicalityCounts() if self._model.measures_typicality else None)
        sample = None if self._model.judge is None else RowSample(work.part)
        for number in range(len(work.slices)):
            rows = _Reading(self._model, self._appended(), work, number, output, sample=sample)
            try:
                rows.run()
            except SourceChangedError:
                raise
            except InputError as error:
                rows.stop(error)
            rows.count(tally)
            work.check()
        tally.sample = None if sample is None else sample.document()
        return tally

    def judge(self) -> bytes | None:
        """What samples of rows are judged by; see skysort.bulk.engine.Engine."""
        return None if self._model.judge is None else self._model.judge.save()

    def _appended(self) -> ResultColumns:
        label = f"{self.name} {self.version}"
        return ResultColumns(self._model.labels, label, typicality=self._model.measures_typicality)


class _Reading:
    """The work on one slice; a skysort.star.tables.rows.Rejects."""

    def __init__(
        self,
        model: StarModel,
        appended: ResultColumns,
        work: Work,
        number: int,
        output: Output,
        *,
        sample: RowSample | None,
    ) -> None:
        self._model = model
        self._sample = sample
        self._appended = appended
        self._work = work
        self._part = work.slices[number]
        self._output = output
        self._beside = OwnColumns(work.job.columns)
        self._carried = work.columns[len(PLACE) + len(OWN) :][: len(work.job.columns)]
        self._classifier: RowClassifier | None = None
        self._left: dict[tuple[int, int], _LeftOut] = {each: _LeftOut() for each in work.skip.of(number)}
        self._stopped: Failure | None = None
        self._texts = _Texts(appended)
        self._prior = options_of(work.job, model.labels, model.no_prior).prior

    def run(self) -> None:
        """Classify the rows; raises InputError for a slice that cannot be read, or not to its end."""
        if (1, END) in self._left:  # reading it ends the process
            raise MalformedInputError(self._work.skip.reason)
        with open_slice(self._work.sources, self._part, self._work.check, self._model.schema, self._beside) as table:
            self._classifier = RowClassifier(
                self._model, self._appended, self, table.columns, prior=self._prior, sample=self._sample
            )
            for rows in table.rows():
                self._block(self._classifier, rows)
                del rows  # frees memory for the next block
                self._work.check()
            for warning, count in table.remarks():
                self._classifier.warn(warning, count)

    def write(self, rejects: Iterable[Reject], /) -> None:
        """Take rejected rows."""
        self._output.reject(
            self._part, [(row, column, reason, detail) for row, _line, column, reason, detail in rejects]
        )

    def stop(self, error: InputError) -> None:
        """Count the rows that were not read."""
        read = self._classifier.tally.total if self._classifier else 0
        rows = (self._part.rows or self._lines()) - read
        if self._part.rows is None:
            rows = max(1, rows)
        if rows > 0:
            row = read + 1 if read else None
            self._stopped = Failure(self._part.source, self._part.slice, row, error.detail, rows)

    def count(self, tally: Tally) -> None:
        """Add the slice to the part's counts."""
        tally.slices.append(Rows())
        if self._classifier is not None:
            rows = self._classifier.tally
            tally.slices[-1] = Rows(rows.classified, rows.rejected)
            tally.classes.update(dict(zip(self._model.labels, rows.classes.tolist(), strict=True)))
            for warned in self._classifier.warnings():
                tally.warn(warned["code"], warned["detail"], warned["rows"])
            if tally.typicality is not None:
                tally.typicality.merge(self._classifier.typicality)
        source, number, reason = self._part.source, self._part.slice, self._work.skip.reason
        tally.fail(Failure(source, number, left.first, reason, left.rows) for left in self._left.values() if left.rows)
        if self._stopped is not None:
            tally.fail([self._stopped])

    def _lines(self) -> int:
        """The lines of a text, which are about its rows."""
        if self._part.format != Format.CSV:
            return 0
        part = self._part
        return sum(block.count(b"\n") for block in blocks(self._work.sources, part, part.start, part.end))

    def _block(self, classifier: RowClassifier, rows: Block) -> None:
        """Classify and write some rows."""
        first = classifier.tally.total + 1
        numbers: NDArray[np.int64] = np.arange(first, first + len(rows.measured.photometry), dtype=np.int64)
        if rows.places is not None:
            numbers = first + rows.places.astype(np.int64)
        kept, values = classifier.classify(rows, self._left_out(numbers))
        if not len(values.label):
            return
        with reading("a carried column"):
            own = self._fitting(classifier, self._beside.arrays(rows.carried(), len(kept)))
        if not kept.all():
            mask = pa.array(kept)
            numbers, own = numbers[kept], [array.filter(mask) for array in own]
        self._output.write([*place(self._part, numbers), *own, *self._texts.arrays(values)])

    def _left_out(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """(n,) bool, the rows to leave out; None for none."""
        if not self._left:
            return None
        mask = np.zeros(len(numbers), np.bool_)
        for (first, last), left in self._left.items():
            inside = (numbers >= first) & (numbers < last)
            if inside.any():
                left.add(numbers[inside])
                mask |= inside
        return mask

    def _fitting(self, classifier: RowClassifier, arrays: Sequence[Any]) -> list[Any]:
        """The own columns of rows; values that the job's type of a column cannot have are null."""
        fitting = list(arrays[: len(OWN)])
        for array, column in zip(arrays[len(OWN) :], self._carried, strict=True):
            try:
                fitting.append(array.cast(ARROW[column.type]))
            except pa.ArrowException:
                detail = f"values of {column.name} are no {column.type}, as the first table has it; they are left empty"
                classifier.warn(InputWarning("carried_value_lost", detail), len(array))
                fitting.append(pa.nulls(len(array), ARROW[column.type]))
        return fitting


@dataclass(slots=True)
class _LeftOut:
    """Rows of a range that were left out. first: the first of them."""

    first: int = 0
    rows: int = 0

    def add(self, numbers: NDArray[np.int64]) -> None:
        """Add rows."""
        self.first = self.first or int(numbers[0])
        self.rows += len(numbers)


class _Texts:
    """The appended columns as Arrow arrays, texts as codes."""

    def __init__(self, appended: ResultColumns) -> None:
        self._appended = appended
        self._labels = pa.array(appended.labels, pa.string())
        self._variants = pa.array(appended.variants, pa.string())
        self._sets = pa.array(appended.sets, pa.string())

    def arrays(self, values: Values) -> list[Any]:
        """The columns, in the order of ResultColumns."""
        if len(self._sets) != len(self._appended.sets):
            self._sets = pa.array(self._appended.sets, pa.string())
        return [
            coded(values.label, self._labels),
            *np.ascontiguousarray(values.probabilities.T),
            coded(values.prediction_set, self._sets),
            coded(values.variant, self._variants),
            constant(self._appended.model, len(values.label)),
        ]
