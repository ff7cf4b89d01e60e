"""Pictures of bulk jobs, classified as requests are: the same decoders, networks, rounding and sets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from skysort import problems
from skysort.bulk.columns import PLACE, Column
from skysort.bulk.counts import Failure, Rows, Tally
from skysort.bulk.engine import END, options_of
from skysort.bulk.output import coded, constant
from skysort.bulk.pictures.reading import files, pictures_of, runs
from skysort.bulk.store import SourceChangedError
from skysort.errors import InputError
from skysort.limits import BULK_FAILURES_LISTED, MIB
from skysort.parallel import in_order
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from skysort.answers import PictureClasses
    from skysort.bulk.engine import Work
    from skysort.bulk.manifest import Slice
    from skysort.bulk.output import Output
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceStore
    from skysort.options import Options
    from skysort.pictures.answering import Judge

Decoded = TypeVar("Decoded")

_COLUMNS: Final = (
    Column("file", "string"),
    Column("label", "string"),
    Column("class_id", "int"),
    Column("probability", "double"),
    Column("prediction_set", "string"),
)
_MEASURED: Final = (Column("typicality", "double"), Column("in_domain", "boolean"))
_MODEL: Final = Column("model", "string")
# Pictures that one call of a model gets, and their bytes; what waits for threads that compute, and for the output. A
# network runs quicker over many decoded pictures in a row than in turn with decoding: 4 % between 16 and 256. A trained
# model takes several times as long for each, and keeps the maps of all.
_CALL, TRAINED_CALL, _CALL_BYTES, _WAITING_BYTES, _WRITTEN = 256, 16, 16 * MIB, 128 * MIB, 256


class _Item(NamedTuple):
    """A picture by the place of its slice in the part, and its row there, from 1."""

    place: int
    row: int
    name: str
    content: bytes | InputError


class _Done(NamedTuple):
    """A picture with its answer, or why there is none."""

    item: _Item
    outcome: PictureClasses | InputError


class _Left(NamedTuple):
    """Rows without a result, from one on; None for the slice as a whole."""

    place: int
    row: int | None
    rows: int
    reason: str


@dataclass(slots=True)
class _Answered:
    """Rows that are to be written."""

    measured: bool
    places: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    answers: list[PictureClasses] = field(default_factory=list)

    def add(self, item: _Item, answer: PictureClasses) -> None:
        """Take a row."""
        self.places.append(item.place)
        self.rows.append(item.row)
        self.names.append(_unicode(item.name))
        self.answers.append(answer)

    def arrays(self, slices: Sequence[Slice], labels: Sequence[str], model: str) -> list[Any]:
        """The rows by column."""
        used, codes = np.unique(np.array(self.places, np.int64), return_inverse=True)
        best = [answer["predictions"][0] for answer in self.answers]
        classes = np.array([prediction["class_id"] for prediction in best], np.int32)
        sets: dict[str, int] = {}
        members = [sets.setdefault(";".join(answer["prediction_set"]), len(sets)) for answer in self.answers]
        measured = [
            np.array([answer["typicality"] for answer in self.answers], np.float64),
            np.array([answer["in_domain"] for answer in self.answers], np.bool_),
        ] if self.measured else []  # fmt: skip
        return [
            coded(codes, [_unicode(slices[place].source) for place in used]),
            np.array([slices[place].slice for place in self.places], np.int32),
            np.array(self.rows, np.int64),
            pa.array(self.names, pa.string()),
            coded(classes, list(labels)),
            classes,
            np.array([prediction["probability"] for prediction in best], np.float64),
            coded(np.array(members, np.int32), list(sets)),
            *measured,
            constant(model, len(self.rows)),
        ]


class PictureEngine(Generic[Decoded]):
    """A model of pictures as a skysort.bulk.engine.Engine.

    Parameters
    ----------
    judge
        The model; its networks compute with one thread.
    name
        As jobs spell it.
    threads
        Pictures that are decoded and classified side by side.
    measured
        Whether the model measures how typical pictures are.
    per_call
        Pictures that one call of the model gets; by default as many as are quickest.
    """

    def __init__(
        self, judge: Judge[Decoded], name: str, threads: int, *, measured: bool, per_call: int | None = None
    ) -> None:
        self._judge = judge
        self._measured = measured
        self._per_call = per_call
        self.name, self.version = name, judge.name["version"]
        self.labels = judge.labels
        self.threads = threads

    def columns(self, job: Job, sources: SourceStore, sample: Slice) -> Sequence[Column]:
        """The columns of a job's results; raises InputError for columns and class shares that it cannot have."""
        del sources, sample
        self._options(job)
        if job.columns:
            raise InputError(f"pictures have no columns to carry into the results, such as {job.columns[0]!r:.60}")
        return (*PLACE, *_COLUMNS, *(_MEASURED if self._measured else ()), _MODEL)

    def run(self, work: Work, output: Output) -> Tally:
        """Classify slices; see skysort.bulk.engine.Engine.run."""
        tally = Tally([Rows() for _ in work.slices], typicality=TypicalityCounts() if self._measured else None)
        answered = _Answered(self._measured)
        with closing(self._classified(work)) as classified:
            for done in classified:
                if isinstance(done, _Left):
                    _fail(tally, work.slices[done.place], done)
                    continue
                item, outcome = done
                if isinstance(outcome, InputError):
                    tally.slices[item.place].rejected += 1
                    output.reject(work.slices[item.place], [(item.row, "", _reason(outcome), outcome.detail)])
                    continue
                _count(tally, item, outcome)
                answered.add(item, outcome)
                if len(answered.rows) == _WRITTEN:
                    answered = self._write(answered, work, output)
        self._write(answered, work, output)
        return tally

    def _options(self, job: Job) -> Options:
        return options_of(job, self.labels, self._judge.no_prior)

    def judge(self) -> None:
        """Nothing: pictures are judged by their typicality alone; see skysort.bulk.engine.Engine."""

    def _write(self, answered: _Answered, work: Work, output: Output) -> _Answered:
        if answered.rows:
            output.write(answered.arrays(work.slices, self.labels, f"{self.name} {self.version}"))
        return _Answered(self._measured)

    def _classified(self, work: Work) -> Generator[_Done | _Left]:
        """Every row with its answer or error, in order."""
        calls = _calls(_rows(work), self._per_call or _CALL)
        classify = partial(self._call, options=self._options(work.job))
        if self.threads == 1:
            for call in calls:
                work.check()
                yield from classify(call)
            return
        done = in_order(classify, calls, workers=self.threads, weigh=_weight, max_bytes=_WAITING_BYTES)
        with closing(done):
            for outcomes in done:
                work.check()
                yield from outcomes

    def _call(self, items: Sequence[_Item | _Left], options: Options) -> list[_Done | _Left]:
        pictures: dict[int, Decoded] = {}
        outcomes: dict[int, PictureClasses | InputError] = {}
        for number, item in enumerate(items):
            if isinstance(item, _Left):
                continue
            try:
                if isinstance(item.content, InputError):
                    raise item.content
                pictures[number] = self._judge.read(item.content, None)
            except InputError as error:
                outcomes[number] = error
        if pictures:
            outcomes |= zip(pictures, self._judge.classes(list(pictures.values()), options), strict=True)
        return [item if isinstance(item, _Left) else _Done(item, outcomes[number]) for number, item in enumerate(items)]


def _rows(work: Work) -> Iterator[_Item | _Left]:
    """The rows of a part's slices, in order."""
    for alone, run in runs(work.slices):
        if alone:
            left = [_Left(place, 1, 1, work.skip.reason) for place, _ in run if work.skip.leaves_out(place, 1)]
            yield from left
            out = {each.place for each in left}
            with closing(files(work.sources, [each for each in run if each[0] not in out])) as placed:
                for place, picture in placed:
                    yield _Item(place, 1, *picture)
        else:
            for place, part in run:
                yield from _packed(work, place, part)


def _packed(work: Work, place: int, part: Slice) -> Iterator[_Item | _Left]:
    """The rows of a slice of an archive or a table."""
    if (1, END) in work.skip.of(place):  # opening it ends the process
        yield _Left(place, None, part.rows or 1, work.skip.reason)
        return
    row = 0
    try:
        for row, picture in enumerate(pictures_of(work.sources, part), start=1):
            if work.skip.leaves_out(place, row):
                yield _Left(place, row, 1, work.skip.reason)
            else:
                yield _Item(place, row, *picture)
    except SourceChangedError:
        raise
    except InputError as error:
        # Of a compressed archive nobody knows how many there are: what cannot be read counts as one.
        remaining = 1 if part.rows is None else max(1, part.rows - row)
        yield _Left(place, row + 1 if row else None, remaining, error.detail)


def _calls(rows: Iterable[_Item | _Left], most: int) -> Iterator[list[_Item | _Left]]:
    """As many rows as a call of the model gets."""
    call: list[_Item | _Left] = []
    size = 0
    for row in rows:
        own = _bytes(row)
        if call and (len(call) == most or size + own > _CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(row)
        size += own
    if call:
        yield call


def _bytes(row: _Item | _Left) -> int:
    return len(row.content) if isinstance(row, _Item) and isinstance(row.content, bytes) else 0


def _weight(call: Sequence[_Item | _Left]) -> int:
    return sum(map(_bytes, call))


def _count(tally: Tally, item: _Item, answer: PictureClasses) -> None:
    tally.slices[item.place].out += 1
    tally.classes[answer["predictions"][0]["label"]] += 1
    if tally.typicality is not None:
        tally.typicality.add(answer)
    for warning in answer.get("warnings", ()):
        tally.warn(warning["code"], warning["detail"], 1)


def _fail(tally: Tally, part: Slice, left: _Left) -> None:
    tally.slices[left.place].failed += left.rows
    if len(tally.failures) < BULK_FAILURES_LISTED:
        tally.failures.append(Failure(part.source, part.slice, left.row, left.reason, left.rows))


def _reason(error: InputError) -> str:
    """The stable code of an error."""
    return problems.from_error(error)["type"].rpartition(":")[2]


def _unicode(text: str) -> str:
    """A name that Arrow takes: a file system's may have bytes that are no text."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
