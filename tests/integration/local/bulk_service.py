"""The bulk functions of the local stack over an S3 and SQS that outlive them, and jobs of many small parts."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from infra import ROOT
from infra.local.event_source import SqsQueue, sqs_client
from infra.local.executions import bulk_jobs, object_reader, s3_client
from infra.local.pool import Pool
from infra.local.process import Launcher, Lifeline
from infra.local.report import FunctionLog
from infra.local.services import create, one_condition_at_a_time, s3_and_sqs
from infra.stages.deployments import local
from skysort.bulk.keys import BulkKeys, new_job
from skysort.bulk.manifest import SliceWriter
from skysort.bulk.request import Job
from skysort.bulk.store import S3Sources
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.split import split_table
from skysort.models import BULK
from skysort.registry.store import JSON, S3ModelStore
from skysort.star.schema import SDSS
from tests.e2e.bulk import as_parquet, stars

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from infra.local.event_source import Message
    from infra.stages.stage import LocalStage

WORKERS: Final = 2
ROWS: Final = 20  # of a part


class _Silent(MotoRequestHandler):
    def log(self, *_: Any) -> None:
        """Log no request."""


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The address of moto's S3 and SQS, as the local stack serves them, with the buckets and queues of its stage."""
    app = one_condition_at_a_time(s3_and_sqs())
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    create(local(WORKERS), address)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


class _Queue(SqsQueue):
    """Gives back a message that it received after its service was stopped: a thread of it was still waiting for one."""

    stopped = False

    def receive(self, count: int, wait_s: int) -> list[Message]:
        messages = super().receive(count, wait_s)
        if self.stopped:
            self.retry(messages)
        return messages


@dataclass
class Service:
    """The bulk functions of a stack. endpoint: of an S3 and SQS that outlive it."""

    endpoint: str
    folder: Path
    stage: LocalStage = field(default_factory=lambda: local(WORKERS))
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect to the results."""
        self.s3 = s3_client(self.endpoint, self.stage.region)
        self.store = S3ModelStore(self.s3, self.stage.results_bucket)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, Pool]]:
        """The service while it runs; at the end all its sandboxes are killed, whatever they do."""
        lifeline, log = Lifeline(), FunctionLog(self.folder / "functions.log")
        pools = {name: Pool(self._launcher(name, log, lifeline)) for name in (BULK, "star-bulk")}
        reader = object_reader(self.s3.read)
        queue = _Queue(sqs_client(self.endpoint, self.stage.region), self.stage.bulk_queue, 0)
        executions = bulk_jobs(queue, pools, {"star-bulk": WORKERS}, reader, self.lines.append)
        task = asyncio.create_task(executions.run())
        try:
            yield pools
        finally:
            queue.stopped = True
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.gather(*(pool.close() for pool in pools.values()))
            lifeline.close()
            log.close()

    def _launcher(self, name: str, log: FunctionLog, lifeline: Lifeline) -> Launcher:
        settings = self.stage.functions[name]
        return Launcher(name, settings, self.stage, ROOT, self.folder / "tmp", log, lifeline, self.endpoint)

    def drop(self, parts: int) -> str:
        """Put a table for jobs of so many parts into the drop bucket; returns its key."""
        key = f"incoming/bulk/{parts}/stars.parquet"
        self.s3.delete(self.stage.drop_bucket, key)
        self.s3.put(self.stage.drop_bucket, key, as_parquet(stars(parts * ROWS), ROWS), "application/x-parquet")
        return key

    def planned(self, source: str) -> BulkKeys:
        """A job that is planned but for its price, in parts of ROWS rows; a planner would make one of all."""
        keys = BulkKeys("shared", new_job("star"))
        job = Job(keys.id, "shared", "", "star", {"keys": [source]}, "2026-11-28T08:45:00Z", columns=("obj_ID",))
        sources = S3Sources(self.s3, self.stage.drop_bucket)
        found = sources.stat(source)
        writer = SliceWriter(self.store, f"{keys.prefix}slices/")
        for each in split_table(sources, found, Needs(SDSS, job.columns), target=1):
            writer.add([each])
        writer.close(keys.manifest)
        self.store.put(keys.request, job.to_json(), content_type=JSON)
        document = {"files": 1, "bytes": found.size, "refused": {"count": 0, "files": []}}
        self.store.put(keys.sources, json.dumps(document).encode(), content_type=JSON)
        return keys

    def start(self, keys: BulkKeys, run: int = 1) -> None:
        """Start a run; again, if it was started already, as a message that is delivered twice does."""
        client = self.s3
        client.delete(self.stage.results_bucket, keys.start(run))
        client.put(self.stage.results_bucket, keys.start(run), b"{}", JSON)

    def begun(self) -> int:
        """How many attempts at parts the executions have begun."""
        return sum(line.endswith("entered PartStar") for line in self.lines)

    def ended(self) -> int:
        """How many executions have ended."""
        return sum(line.endswith("succeeded") or " failed: " in line for line in self.lines)

    def phase(self, keys: BulkKeys) -> dict[str, Any]:
        """The job's status."""
        status: dict[str, Any] = json.loads(self.store.get(keys.status).body)
        return status

    def done(self, keys: BulkKeys) -> int:
        """How many parts are done."""
        return sum(1 for _ in self.store.list(keys.done_prefix))

    def rows(self, keys: BulkKeys) -> list[str]:
        """The id of every row in the results."""
        objects = [item.key for item in self.store.list(keys.data_prefix)]
        tables = [pq.read_table(io.BytesIO(self.store.get(key).body)) for key in objects]
        return [value for table in tables for value in table.column("obj_ID").to_pylist()]

    def summary(self, keys: BulkKeys) -> dict[str, Any]:
        """The totals of a job that is done."""
        assert self.store.get(keys.success).body == b""
        summary: dict[str, Any] = json.loads(self.store.get(keys.summary).body)
        return summary
