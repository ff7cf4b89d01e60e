"""A service with bulk jobs, faked in the browser's network: each poll brings a job one state further."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

    from skysort.bulk_answers import BulkJob, BulkPlan, BulkProgress
    from tests.web.visit import Visit

CREATED: Final = "2026-11-28T08:45:00+00:00"
PARTS: Final = 40
PLAN: Final[BulkPlan] = {
    "parts": PARTS,
    "files": 3,
    "bytes": 7_000_000_000,
    "rows": 100_000_000,
    "rows_exact": False,
    "seconds": 31.5,
    "concurrency": 20,
    "dollars": {"lambda": 0.019, "transitions": 0.003, "s3": 0.0011, "total": 0.0231},
    "prices": {"region": "us-east-1", "date": "2026-11-28"},
    "refused": {"count": 1, "files": [{"file": "incoming/bulk/survey/notes.txt", "reason": "is not a table"}]},
}

SUMMARY: Final = {
    "typicality": {
        "measured": 40_000_000,
        "in_domain": 39_000_000,
        "share": 0.975,
        "mean": 0.41,
        "usual": False,
        "detail": "1,000,000 of 40,000,000 rows do not look like what the model was tested on",
    },
    "class_shares": {"GALAXY": {"value": 0.6, "low": 0.59, "high": 0.61}, "QSO": {"value": 0, "low": 0, "high": 0.01}},
}


def progress(done: int) -> BulkProgress:
    """The progress of a job with so many parts done, of a million rows each; one row in a million is rejected."""
    million = 1_000_000
    return {
        "parts": {"total": PARTS, "done": done, "failed": 0, "counted": done},
        "rows": {
            "total": PLAN["rows"],
            "in": done * million,
            "out": done * (million - 1),
            "rejected": done,
            "failed": 0,
        },
        "classes": {"GALAXY": done * 600_000, "STAR": done * 299_999, "QSO": done * 100_000},
        "dollars": 0.0005 * done,
        "seconds": 0.8 * done,
        "eta_s": 0.8 * (PARTS - done),
    }


@dataclass
class FakeJobs:
    """Routes of a page to one bulk job. stays: the phase that it does not leave; problem: why it fails."""

    visit: Visit
    stays: str = ""
    problem: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    job: Any = None

    def __post_init__(self) -> None:
        """Take over the calls that the view makes."""
        self.visit.page.route("**/v1/bulk**", self._answer)
        self.visit.page.route("**/v1/bulk/**", self._answer)

    def _answer(self, route: Route, request: Request) -> None:
        name = urlsplit(request.url).path.removeprefix("/v1/bulk").strip("/")
        order = name.rpartition("/")[2]
        if request.method == "POST":
            if not name:
                self._start(json.loads(request.post_data or "{}"))
            else:
                self._order(order)
            route.fulfill(status=202, json=self.job)
        elif order == "files":
            link = f"{self.visit.store}/part"
            files = [
                {"name": f"data/block=0000/part-0000{n}.parquet", "bytes": 10_000_000, "link": link} for n in (0, 1)
            ]
            route.fulfill(json={"files": files, "next": None, "expires": CREATED})
        elif name:
            self._advance()
            route.fulfill(json=self.job)
        else:
            route.fulfill(json={"jobs": [self.job] if self.job else [], "next": None})

    def _start(self, asked: dict[str, Any]) -> None:
        self.requests.append(asked)
        identity = "star-20261128-084500-1a2b3c"
        job: BulkJob = {
            "id": identity,
            "model": asked["model"],
            "source": asked["source"],
            "output": asked["output"],
            "tolerated_share": asked["tolerated_share"],
            "columns": asked.get("columns", []),
            "created": CREATED,
            "updated": CREATED,
            "phase": "waiting",
            "run": 1,
            "plan": None,
            "progress": None,
            "summary": None,
            "problem": None,
            "links": {
                "self": f"/v1/bulk/{identity}",
                "files": f"/v1/bulk/{identity}/files",
                "success": None,
                "index": None,
                "summary": None,
                "data": f"s3://results/bulk/shared/{identity}/data/",
                "table": None,
                "sql": None,
            },
        }
        self.job = job

    def _order(self, order: str) -> None:
        self.orders.append(order)
        self.job["phase"] = "cancelled" if order == "cancel" else "running"
        self.job["progress"] = self.job["progress"] or progress(0)
        self.stays = self.stays if order == "cancel" else ""

    def _advance(self) -> None:
        job = self.job
        if job["phase"] in {self.stays, "planned", "done", "failed", "cancelled"}:
            return
        done = job["progress"]["parts"]["done"] if job["progress"] else 0
        if job["phase"] == "waiting":
            job["phase"] = "planning"
        elif job["phase"] == "planning":
            job.update(phase="planned", plan=copy.deepcopy(PLAN))
        elif self.problem:
            job.update(phase="failed", problem={"title": "Unprocessable", "status": 422, "detail": self.problem})
        elif done < PARTS:
            job["progress"] = progress(done + 10)
        else:
            links = job["links"] | {
                "summary": f"{self.visit.store}/summary",
                "index": f"{self.visit.store}/index",
                "table": "skysort_dev.star_20261128",
                "sql": 'SELECT skysort_class, count(*) FROM "skysort_dev"."star_20261128" GROUP BY 1',
            }
            job.update(phase="done", links=links, summary=SUMMARY)
