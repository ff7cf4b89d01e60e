"""Keys of bulk jobs in the results bucket: everything of a job lies below ``bulk/<owner>/<id>/``."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from skysort.errors import MalformedInputError
from skysort.models import FAMILIES, MODELS
from skysort.registry.names import NAME_PATTERN

Output: TypeAlias = Literal["parquet", "csv"]

JOBS: Final = "bulk/"
REQUEST: Final = "request.json"
STATUS: Final = "status.json"
START: Final = "start.json"
# Parts of a block, so that no folder has more than so many files.
BLOCK_PARTS: Final = 1_000
_NAMES: Final = "|".join([*MODELS, *(f"{family}-{NAME_PATTERN[1:-1]}" for family in sorted(FAMILIES))])
JOB_PATTERN: Final = rf"^({_NAMES})-[0-9]{{8}}-[0-9]{{6}}-[0-9a-f]{{6}}$"
_JOB: Final = re.compile(JOB_PATTERN[1:-1])
_RUN: Final = re.compile(r"[0-9]{4}")
_NUMBER: Final = re.compile(r"(?:part-)?([0-9]{5})\.(?:json|parquet|csv)")


@dataclass(frozen=True, slots=True)
class BulkKeys:
    """Keys of one job. Runs are numbered from 1; parts and chunks of slices from 0."""

    owner: str
    id: str

    @property
    def prefix(self) -> str:
        """Of everything that belongs to it."""
        return f"{JOBS}{self.owner}/{self.id}/"

    @property
    def request(self) -> str:
        """What was asked for."""
        return self.prefix + REQUEST

    @property
    def status(self) -> str:
        """How far it is."""
        return self.prefix + STATUS

    @property
    def runs(self) -> str:
        """The prefix of its runs."""
        return f"{self.prefix}runs/"

    def start(self, run: int) -> str:
        """What starts a run when it is created."""
        return f"{self.runs}{run:04}/{START}"

    def cancel(self, run: int) -> str:
        """What stops a run when it is created."""
        return f"{self.runs}{run:04}/cancel.json"

    def parts(self, run: int) -> str:
        """The parts that a run has to do."""
        return f"{self.runs}{run:04}/parts.json"

    def slices(self, chunk: int) -> str:
        """The slices of some parts, a line each."""
        return f"{self.prefix}slices/{chunk:05}.jsonl"

    @property
    def sources(self) -> str:
        """Totals of the source, and what of it is refused; planning is done once it exists."""
        return f"{self.prefix}sources.json"

    @property
    def manifest(self) -> str:
        """All parts."""
        return f"{self.prefix}manifest.json"

    @property
    def probe(self) -> str:
        """What was measured on a sample."""
        return f"{self.prefix}probe.json"

    @property
    def judge(self) -> str:
        """What the model judges the rows of a whole job by, if it does."""
        return f"{self.prefix}probing/judge.npz"

    @property
    def plan(self) -> str:
        """What the job is expected to take; it can be run once this exists."""
        return f"{self.prefix}plan.json"

    @property
    def progress(self) -> str:
        """The counts of parts that have been summed so far."""
        return f"{self.prefix}progress.json"

    @property
    def data_prefix(self) -> str:
        """Of the results."""
        return f"{self.prefix}data/"

    def data(self, part: int, output: Output) -> str:
        """The results of a part."""
        return f"{self.data_prefix}block={part // BLOCK_PARTS:04}/part-{part:05}.{output}"

    @property
    def rejected_prefix(self) -> str:
        """Of the rejected rows."""
        return f"{self.prefix}rejected/"

    def rejected(self, part: int) -> str:
        """The rejected rows of a part."""
        return f"{self.rejected_prefix}part-{part:05}.csv"

    @property
    def done_prefix(self) -> str:
        """Of the counts of parts that are done."""
        return f"{self.prefix}done/"

    def done(self, part: int) -> str:
        """The counts of a part, which exist once it is done."""
        return f"{self.done_prefix}{part:05}.json"

    @property
    def failed_prefix(self) -> str:
        """Of the counts of parts that were given up."""
        return f"{self.prefix}failed/"

    def failed(self, part: int) -> str:
        """The counts of a part that was given up; void once it is done after all."""
        return f"{self.failed_prefix}{part:05}.json"

    @property
    def index(self) -> str:
        """A line for every slice."""
        return f"{self.prefix}index.csv"

    @property
    def summary(self) -> str:
        """The totals."""
        return f"{self.prefix}summary.json"

    @property
    def table(self) -> str:
        """The definition of a Glue table of the results."""
        return f"{self.prefix}table.json"

    @property
    def success(self) -> str:
        """Written last, if the job is done."""
        return f"{self.prefix}_SUCCESS"


def run_of(start_key: str) -> tuple[BulkKeys, int]:
    """The job and run that an object with this key starts; raises MalformedInputError."""
    match start_key.split("/"):
        case [jobs, owner, job, "runs", run, name] if f"{jobs}/" == JOBS and owner and name == START:
            if is_job(job) and _RUN.fullmatch(run) and int(run):
                return BulkKeys(owner, job), int(run)
    raise MalformedInputError(f"a run starts by {JOBS}<owner>/<id>/runs/<run>/{START}, got {start_key!r:.200}")


def part_of(key: str) -> int | None:
    """The part whose counts, results or rejected rows have this key, None for any other key."""
    number = _NUMBER.fullmatch(key.rpartition("/")[2])
    return int(number[1]) if number else None


def jobs_prefix(owner: str) -> str:
    """The prefix of an owner's jobs."""
    return f"{JOBS}{owner}/"


def is_job(text: str) -> bool:
    """Whether a text is a job's id."""
    return _JOB.fullmatch(text) is not None


def new_job(model: str, now: datetime | None = None) -> str:
    """An id for a job: its model, the time in UTC, and 24 random bits."""
    return f"{model.replace('/', '-')}-{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def age_of(job: str) -> str:
    """What sorts jobs of all models by their time."""
    return "-".join(job.rsplit("-", 3)[1:])
