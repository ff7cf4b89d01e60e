"""The bulk jobs of a fake service, as functions/README.md describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from skysort import problems

if TYPE_CHECKING:
    from collections.abc import Mapping

PHASES = ("waiting", "planning", "planned", "running", "running", "finishing", "done")
JOB_ID = "star-20261128-084500-1a2b3c"


class FakeBulkJobs:
    """Answers requests.

    refused: files that no job reads. rejected: rows. problem: why every job fails, if it does. requests: the bodies
    that started jobs. called: what else was asked of jobs.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.called: list[str] = []
        self.summary: dict[str, Any] | None = None
        self.refused: list[dict[str, str]] = []
        self.rejected = 0
        self.problem: Mapping[str, Any] | None = None
        self.phases = list(PHASES)

    def answer(self, request: httpx.Request) -> httpx.Response | None:  # noqa: PLR0911 - one a path
        """The answer, None if the request is about something else."""
        match request.method, request.url.path.split("/")[2:]:
            case "POST", ["bulk"]:
                self.requests.append(json.loads(request.content))
                if self.requests[-1]["plan_only"]:
                    self.phases = ["waiting", "planning", "planned"]
                return httpx.Response(202, json=self.job("waiting"))
            case "GET", ["bulk"]:
                return httpx.Response(200, json={"jobs": [self.job("done"), self.job("failed")], "next": None})
            case "GET", ["bulk", identifier] if identifier == JOB_ID:
                phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
                return httpx.Response(200, json=self.job("failed" if self.problem and phase == "running" else phase))
            case "POST", ["bulk", identifier, what] if identifier == JOB_ID:
                self.called.append(what)
                if self.problem and self.problem.get("status") == 409:
                    return httpx.Response(409, json=dict(self.problem))
                self.phases = ["cancelled"] if what == "cancel" else ["running", "done"]
                return httpx.Response(202, json=self.job(self.phases[0]))
            case _, ["bulk", identifier, *_]:
                detail = f"there is no job {identifier!r}"
                return httpx.Response(404, json=dict(problems.document(404, "not-found", "Not found", detail)))
        return None

    def job(self, phase: str) -> dict[str, Any]:
        asked: dict[str, Any] = self.requests[-1] if self.requests else {"model": "star", "source": {"keys": ["a.csv"]}}
        is_planned = phase not in {"waiting", "planning"}
        has_run = is_planned and phase != "planned"
        return {
            "id": JOB_ID,
            "model": asked["model"],
            "source": asked["source"],
            "output": asked.get("output", "parquet"),
            "tolerated_share": asked.get("tolerated_share", 0.05),
            "columns": asked.get("columns", []),
            "created": "2026-11-28T08:45:00Z",
            "updated": "2026-11-28T08:45:07Z",
            "phase": phase,
            "plan": self._plan() if is_planned else None,
            "progress": self._progress(phase) if has_run else None,
            "summary": self.summary if phase == "done" else None,
            "problem": self.problem if phase == "failed" else None,
            "links": {
                "self": f"/v1/bulk/{JOB_ID}",
                "data": f"s3://results/bulk/shared/{JOB_ID}/data/",
                "sql": f"SELECT label, count(*) FROM read_parquet('s3://results/bulk/shared/{JOB_ID}/data/*/*.parquet')",
            },
        }

    def _plan(self) -> dict[str, Any]:
        return {
            "parts": 112,
            "files": 3,
            "bytes": 7_100_000_000,
            "rows": 100_000_000,
            "rows_exact": False,
            "seconds": 41.0,
            "concurrency": 20,
            "dollars": {"lambda": 0.2134, "transitions": 0.0112, "s3": 0.0009, "total": 0.2255},
            "prices": {"region": "us-east-1", "date": "2026-11-01"},
            "refused": {"count": len(self.refused), "files": self.refused},
        }

    def _progress(self, phase: str) -> dict[str, Any]:
        is_done = phase in {"done", "finishing"}
        read = 100_000_000 if is_done else 23_400_000
        return {
            "parts": {"total": 112, "done": 112 if is_done else 26, "failed": 0},
            "rows": {
                "total": 100_000_000,
                "in": read,
                "out": read - self.rejected,
                "rejected": self.rejected,
                "failed": 0,
            },
            "classes": {"GALAXY": read - self.rejected - 1000, "QSO": 1000},
            "dollars": 0.2249 if is_done else 0.053,
            "seconds": 40.0 if is_done else 9.0,
            "eta_s": None if is_done else 31.0,
        }
