"""What a model gives to a bulk job: the columns of its results, and rows or pictures classified slice by slice."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from skysort.options import parse_options
from skysort.prior_option import OPTION as PRIOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.bulk.columns import Column
    from skysort.bulk.counts import Tally
    from skysort.bulk.manifest import Slice
    from skysort.bulk.output import Output
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceStore
    from skysort.options import Options

# Stands for the end of a slice whose rows nobody has counted.
END: Final = sys.maxsize


@dataclass(frozen=True, slots=True)
class Skip:
    """Rows of a part that are left out and counted as failed.

    ranges: first and last row (from 1, the last not included), by the place of the slice in the part, in order.
    """

    ranges: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    reason: str = ""

    def of(self, place: int) -> Sequence[tuple[int, int]]:
        """The ranges of a slice."""
        return self.ranges.get(place, ())

    def leaves_out(self, place: int, row: int) -> bool:
        """Whether a row of a slice is left out."""
        return any(first <= row < last for first, last in self.of(place))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"ranges": [[place, *each] for place, of in self.ranges.items() for each in of], "reason": self.reason}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read a document."""
        ranges: dict[int, list[tuple[int, int]]] = {}
        for place, first, last in document["ranges"]:
            ranges.setdefault(place, []).append((first, last))
        return cls(ranges, document["reason"])


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine runs over.

    Attributes
    ----------
    job
        The job, for its own columns.
    slices
        The part's.
    sources
        Where the slices are read.
    columns
        The columns of the output.
    skip
        Rows to leave out.
    check
        Called between blocks of rows or pictures; raises when the work has to stop.
    part
        The part's number.
    """

    job: Job
    slices: Sequence[Slice]
    sources: SourceStore
    columns: Sequence[Column]
    skip: Skip = field(default_factory=Skip)
    check: Callable[[], object] = bool
    part: int = 0


def options_of(job: Job, labels: Sequence[str], no_prior: str) -> Options:
    """The options of a job's rows; raises InputError for class shares that the model cannot take."""
    given = {"top_k": 1} if job.prior is None else {"top_k": 1, PRIOR: job.prior}
    return parse_options(given, labels, no_prior=no_prior)


class Engine(Protocol):
    """A version of a model, for bulk jobs."""

    @property
    def name(self) -> str:
        """The model, as jobs spell it."""

    @property
    def version(self) -> str:
        """Its version, of a trained model the first digits."""

    @property
    def labels(self) -> Sequence[str]:
        """Its classes."""

    @property
    def threads(self) -> int:
        """What it computes with."""

    def columns(self, job: Job, sources: SourceStore, sample: Slice) -> Sequence[Column]:
        """The columns of a job's results, columns.PLACE first; raises InputError if the source lacks what it needs."""

    def judge(self) -> bytes | None:
        """What samples of rows are judged by at the end of a job; None of a model without such samples."""

    def run(self, work: Work, output: Output) -> Tally:
        """Classify slices.

        Parameters
        ----------
        work
            The slices, in order.
        output
            Takes classified and rejected rows.

        Returns
        -------
        Tally
            A Rows for each slice: every row is written, rejected or failed. Rows of a slice that cannot be read to its
            end (InputError) are failed, with the reason, and never stop the part.

        Raises
        ------
        SourceChangedError
            A source is no longer what was planned.
        InfrastructureError
            A store fails; the part is tried again.
        """


class Engines(Protocol):
    """The models of a function."""

    @property
    def memory_mb(self) -> int:
        """The function's memory."""

    def get(self, job: Job, version: str | None) -> Engine:
        """The model of a job.

        Parameters
        ----------
        job
            Its model, and owner.
        version
            The version that the job began with; None for the present one.

        Returns
        -------
        The model.

        Raises
        ------
        InputError
            If the function has another version by now.
        NotFoundError
            If there is no such model.
        """
