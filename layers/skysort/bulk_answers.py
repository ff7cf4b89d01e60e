"""The types of response bodies about bulk jobs; see skysort.answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from skysort.answers import Count, Link, Problem, Time

Amount: TypeAlias = Annotated[float, Field(ge=0)]
Phase: TypeAlias = Literal["waiting", "planning", "planned", "running", "finishing", "done", "failed", "cancelled"]


class RefusedSource(TypedDict):
    """A file of the source that cannot be read."""

    file: str
    reason: str


class RefusedSources(TypedDict):
    """Files of the source that cannot be read."""

    count: Count
    files: list[RefusedSource]
    """the first of them"""


# Its first key is no name in Python.
DollarsByItem = TypedDict(
    "DollarsByItem",
    {"lambda": Amount, "transitions": Amount, "s3": Amount, "total": Amount},
)


class PricesOf(TypedDict):
    """Whose list prices dollars are."""

    region: str
    date: str


class BulkPlan(TypedDict):
    """What a job is expected to take."""

    parts: Count
    files: Count
    bytes: Count
    rows: Count
    """of tables, or pictures"""
    rows_exact: bool
    """whether the files say their rows; else they are estimated by a sample"""
    seconds: Amount
    concurrency: Annotated[int, Field(ge=1)]
    """parts at a time"""
    dollars: DollarsByItem
    prices: PricesOf
    refused: RefusedSources


class PartCounts(TypedDict):
    """Parts of a job."""

    total: Count
    done: Count
    failed: Count
    """given up; resume tries them again"""
    counted: Count
    """of the ended parts, those whose rows are in the sums so far"""


# Its second key is no name in Python.
RowCounts = TypedDict(
    "RowCounts",
    {"total": Count | None, "in": Count, "out": Count, "rejected": Count, "failed": Count},
)


class BulkProgress(TypedDict):
    """How far a job is."""

    parts: PartCounts
    rows: RowCounts
    classes: dict[str, Count]
    """rows by their class"""
    dollars: Amount
    """so far, about"""
    seconds: Amount
    """of its runs so far"""
    eta_s: Amount | None
    """seconds to the end, about"""


class BulkLinks(TypedDict):
    """Calls, relative to this URL, presigned links, and names in S3 and Athena; null before they lead to anything."""

    self: str
    files: str
    success: Link | None
    index: Link | None
    summary: Link | None
    data: str
    """the prefix of the results in S3"""
    table: str | None
    """the results in Glue's catalogue"""
    sql: str | None
    """a query of the results"""


class BulkJob(TypedDict):
    """A bulk job: what was asked for, its plan, how far it is, and its results."""

    id: str
    model: str
    source: dict[str, Any]
    output: Literal["parquet", "csv"]
    tolerated_share: Annotated[float, Field(ge=0, le=1)]
    columns: list[str]
    created: Time
    updated: Time
    phase: Phase
    run: Annotated[int, Field(ge=1)]
    """1 at first, one more with each resumption"""
    plan: BulkPlan | None
    progress: BulkProgress | None
    summary: dict[str, Any] | None
    """the totals, once all parts have ended: also typicality (a DomainShare), and of star tables domain (a TableDomain)
    and class_shares (ClassShares)"""
    problem: Problem | None
    """why it failed"""
    links: BulkLinks
    prior: NotRequired[dict[str, float]]
    """class shares by which probabilities are re-weighted, as they were given; the summary has them as shares of 1"""


class BulkJobList(TypedDict):
    """Bulk jobs, the newest first, without what may be long: summaries, classes, refused files, all keys but one."""

    jobs: list[BulkJob]
    next: str | None


class BulkFile(TypedDict):
    """A file of a job's results. name: in the job's folder."""

    name: str
    bytes: Count
    link: Link


class BulkFiles(TypedDict):
    """Files of a job's results: data, and lists of rejected rows."""

    files: list[BulkFile]
    next: str | None
    expires: Time
    """when the links expire"""
