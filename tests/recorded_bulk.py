"""The recorded answers about bulk jobs in events/answers, made anew from the service and the steps themselves.

    python -m tests.recorded_bulk

writes them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from skysort.bulk.keys import BulkKeys
from skysort.bulk.request import Job, read_body
from skysort.bulk.service import BulkService, Surroundings
from skysort.clients import EVERYBODY
from skysort.s3.client import ListedObject
from tests.factories_bulk import BulkJob, Clock
from tests.recorded_trained import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.model_store import MemoryModelStore

REQUEST: Final = b'{"model": "star", "source": {"prefix": "incoming/bulk/survey/"}, "columns": ["field"]}'
RESULTS: Final = "skysort-results-local"
_LINKS: Final = "https://skysort-results-local.s3.us-east-1.amazonaws.com/"


class Buckets:
    """A drop bucket to which everything was uploaded, and the bucket of results."""

    def __init__(self, store: MemoryModelStore) -> None:
        self._store = store

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        if bucket == RESULTS:
            yield [item for item in self._store.list(prefix) if item.key > after]
        else:
            key = f"{prefix}stars.csv" if prefix.endswith("/") else prefix
            yield [ListedObject(key, 1, "2026-11-28T08:44:00.000Z")]


def service_of(job: BulkJob, database: str | None = "skysort") -> BulkService:
    """The service over a job's store."""
    around = Surroundings("skysort-drop-local", RESULTS, (), database, lambda key: f"{_LINKS}{key}?X-Amz-Signature=0")
    return BulkService(job.store, Buckets(job.store), around, job.clock)


def answers() -> dict[str, Any]:
    """The answers by name."""
    with tempfile.TemporaryDirectory() as folder:
        house = BulkJob(Path(folder))
    service = service_of(house)
    with patch("skysort.bulk.keys.secrets.token_hex", return_value="1a2b3c"):
        found: dict[str, Any] = {"bulk_waiting": service.start(read_body(REQUEST, ""), EVERYBODY)}
    job = found["bulk_waiting"]["id"]
    house.keys = BulkKeys("shared", job)
    house.job = Job.read(house.store.get(house.keys.request).body)
    _work(house, house.clock)
    found["bulk_running"] = service.get(job, EVERYBODY)
    house.clock.pass_s(1)
    house.do(2, failed=1)
    house.run("finish")
    return {**found, "bulk_done": service.get(job, EVERYBODY), "bulk_files": service.files(job, EVERYBODY)}


def _work(house: BulkJob, clock: Clock) -> None:
    house.clock.pass_s(2)
    house.plan(refused=[("incoming/bulk/survey/readme.txt", "is no table that can be read")])
    house.run("plan")
    clock.pass_s(4)
    house.run("price")
    house.do(0)
    house.do(1, rejected=10)
    clock.pass_s(2)
    house.store.modified = "2026-11-28T08:45:07.000Z"


def main() -> None:
    """Write the answers."""
    for name, answer in answers().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(answer, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
