"""Roles on bulk jobs: what plans, classifies and manages them may do exactly what its code asks of S3 and Glue."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from skysort.bulk.access import EVERYTHING
from skysort.bulk.glue import GlueTables
from skysort.bulk.keys import BulkKeys
from skysort.bulk.outcomes import BulkCancelled, BulkRefused
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.planner import Planner
from skysort.bulk.request import Job, read_body
from skysort.bulk.star_models import StarEngines
from skysort.bulk.steps import BulkSteps, Reading, Site
from skysort.bulk.store import S3Sources
from skysort.clients import EVERYBODY
from skysort.prices import Prices
from skysort.registry.store import BYTES
from skysort.s3.client import Answer, S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.star.model import StarModel
from tests import recorded_bulk
from tests.conftest import ROOT
from tests.factories_bulk import PROBE, BulkJob
from tests.fakes import trained_stars
from tests.fakes.bulk import MemoryWriter
from tests.fakes.trained_stars import NAME
from tests.infra.policies import role_rows
from tests.infra.s3_permissions import lacking, of_request, unused
from tests.infra.test_permissions_suffice import REGION, buckets, granted
from tests.infra.test_trained_permissions import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from skysort.s3.signature import Location
    from tests.infra.s3_permissions import Permission
    from tests.infra.synth import Synthesised

PREFIX = "incoming/bulk/survey/"
# Of the columns of the shipped model and of a trained one; the last row lacks a band of either.
STARS = b"id,u,g,r,i,z,w1,w2,variability\n" + b"".join(
    b"%d,20.1,19.2,18.4,18.1,17.9,15.1,14.9,0.8\n" % number for number in range(40)
)
STARS += b"40,20.1,,18.4,18.1,17.9,15.1,14.9,0.8\n"


# Of a listing nobody knows the versions, of files that are named everybody does.
SOURCES = ({"prefix": PREFIX}, {"keys": [f"{PREFIX}0.csv", f"{PREFIX}1.csv"]})
TRAINED = {"model": f"custom-star/{NAME}", "id": f"custom-star-{NAME}-20261128-084500-1a2b3c"}


class Jobs(Watched):
    """The results bucket in memory, which writes down what S3 would ask for."""

    def writer(self, key: str, content_type: str = BYTES) -> MemoryWriter:
        # An upload in parts is aborted where it is given up.
        self._asked.append(("s3:AbortMultipartUpload", f"{self._arn}/{key}"))
        return MemoryWriter(self, key, content_type)


class Dropped(S3Client):
    """A bucket with versions in memory, whose every request is written down."""

    def __init__(self, objects: Mapping[str, bytes], asked: list[Permission]) -> None:
        super().__init__(Addressing(REGION), Signer(Credentials("test", "test"), REGION))
        self._objects, self._asked, self.etag = objects, asked, "e1"

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None, body: bytes
    ) -> Answer:
        assert not body
        self._asked += of_request(method, location.bucket, location.path, query)
        if "list-type" in query:
            items = "".join(
                f"<Contents><Key>{key}</Key><Size>{len(content)}</Size><ETag>{self.etag}</ETag>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                for key, content in self._objects.items()
                if key.startswith(query["prefix"])
            )
            return Answer(200, f"<r>{items}</r>".encode())
        content = self._objects[location.path.removeprefix("/")]
        if (headers or {}).get("if-match", f'"{self.etag}"') != f'"{self.etag}"':
            return Answer(412, b"")
        first, _, last = (headers or {}).get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        found = b"" if method == "HEAD" else content[int(first) : int(last or len(content)) + 1]
        return Answer(200, found, self.etag, length=len(content), version="v1")


def allowed(stage: Synthesised, role: str, *, trained: bool = True) -> set[Permission]:
    """What a role may do with sources, jobs and trained models."""
    models = granted(stage, role, trained=True) if trained else set()
    return granted(stage, role) | granted(stage, role, jobs=True) | models


class House:
    """A job, whose steps are those of the function that plans, with what they ask for."""

    def __init__(self, stage: Synthesised, folder: Path, asked: list[Permission], **fields: Any) -> None:
        self.asked = asked
        self.models = Watched(stage.stage.models_bucket, self.asked)
        self.job = BulkJob(folder, fields=fields)
        self.job.store = Jobs(stage.stage.results_bucket, self.asked)
        self.dropped = Dropped({f"{PREFIX}{number}.csv": STARS for number in range(2)}, self.asked)
        self.sources = S3Sources(self.dropped, buckets(stage)[0])
        reading = Reading(self.sources, lambda _job: EVERYTHING, Planner(self.models))
        self.job.steps = BulkSteps(self.job.store, reading, Site("results", {"star-bulk": 2}, Prices()), self.job.clock)

    @contextmanager
    def by_others(self) -> Iterator[None]:
        """What is done here is not asked by the role under test."""
        before = len(self.asked)
        yield
        del self.asked[before:]


def test_planning_pricing_and_finishing_need_exactly_what_their_role_may_do(dev: Synthesised, tmp_path: Path) -> None:
    # Given jobs of a trained model on dropped tables
    asked: list[Permission] = []
    for source in SOURCES:
        house = House(dev, tmp_path, asked, **TRAINED, source=source)
        job, store = house.job, house.job.store
        with house.by_others():
            trained_stars.publish(house.models, *trained_stars.trained())
            job.request()
        # When each is planned and priced, and a part is given up
        job.run("plan")
        with house.by_others():
            store.put(job.keys.probe, json.dumps(PROBE).encode())
        job.run("price")
        (item,) = job.items
        job.run("give-up", part=item.to_document(), error={"Error": "Sandbox.Timedout", "Cause": ""})
        # and its results are other ones than were counted, so that the run ends, and a further one is finished
        with house.by_others():
            job.do(0, rows=20)
            store.objects[job.keys.data(0, "parquet")] = b"other results"
            job.request(2)
        with pytest.raises(BulkRefused, match="resume the job"):
            job.run("finish")
        job.run("end", error={"Error": "BulkRefused", "Cause": ""})
        job.run("price", 2)
        with house.by_others():
            del store.objects[job.keys.data(0, "parquet")]
            job.do(0, rows=20)
            store.put(job.keys.data(9, "parquet"), b"of an attempt that did not count")
            store.put(job.keys.rejected(9), b"of an attempt that did not count")
        job.run("finish", 2)
        assert job.status()["phase"] == "done"
    # Then the role may do all of that, and nothing besides
    assert lacking(asked, allowed(dev, "BulkFunction/Role")) == set()
    assert unused(asked, allowed(dev, "BulkFunction/Role")) == set()


@pytest.mark.parametrize("role", ["StarBulkFunction", "CustomBulkFunction", "GalaxyBulkFunction", "ImageBulkFunction"])
def test_a_function_of_parts_may_do_exactly_what_its_steps_do(dev: Synthesised, tmp_path: Path, role: str) -> None:
    trained = role in {"StarBulkFunction", "CustomBulkFunction"}
    asked: list[Permission] = []
    for source in SOURCES:
        # Given a job that is planned, of a trained model where the function has such
        house = House(dev, tmp_path, asked, **(TRAINED if trained else {}), source=source)
        job, store = house.job, house.job.store
        with house.by_others():
            trained_stars.publish(house.models, *trained_stars.trained())
            job.request()
            job.run("plan")
        engines = StarEngines(StarModel.load(ROOT / "functions" / "star" / "model", 1), 1_769, 1, house.models)
        steps = PartSteps(Parts(store, house.sources, engines), handler="")
        events = [
            {"key": job.keys.start(1), "step": step, "part": job.items[0].to_document()} for step in ("probe", "part")
        ]
        # When it is probed, and a part done with a row rejected, twice, the second time in place of other results
        for event in events:
            steps.run(event)
        with house.by_others():
            assert store.objects[job.keys.rejected(0)]
            del store.objects[job.keys.done(0)]
            store.objects[job.keys.data(0, "parquet")] = b"what another attempt left"
        steps.run(events[-1])
        # and again, once its source has changed
        with house.by_others():
            del store.objects[job.keys.done(0)]
        house.dropped.etag = "e2"
        with pytest.raises(BulkRefused, match="changed while it was read"):
            steps.run(events[-1])
    # Then the role may do all of that, and nothing besides
    assert lacking(asked, allowed(dev, f"{role}/Role", trained=trained)) == set()
    assert unused(asked, allowed(dev, f"{role}/Role", trained=trained)) == set()
    # and may start no run, nor delete anything
    assert not [action for action, on in granted(dev, f"{role}/Role", jobs=True) if "Delete" in action]


def test_control_starts_shows_cancels_and_resumes_jobs_and_does_no_more(dev: Synthesised, tmp_path: Path) -> None:
    # Given the desk of bulk jobs
    house = House(dev, tmp_path, [], source=SOURCES[0])
    job = house.job
    service = recorded_bulk.service_of(job)
    # When a job is started, looked at while it runs, cancelled and resumed
    started = service.start(read_body(recorded_bulk.REQUEST, ""), EVERYBODY)["id"]
    job.keys, job.job = BulkKeys("shared", started), Job.read(job.store.get(BulkKeys("shared", started).request).body)
    with house.by_others():
        job.plan()
        job.run("plan")
        job.run("price")
        job.do(0)
    service.get(started, EVERYBODY)
    service.cancel(started, EVERYBODY)
    with house.by_others(), suppress(BulkCancelled):
        job.run("end", error={"Error": "BulkCancelled", "Cause": ""})
    service.resume(started, EVERYBODY)
    service.page(EVERYBODY)
    # Then its role may do all of that with jobs, and nothing besides
    having = granted(dev, "ControlFunction/Role", jobs=True)
    reading = granted(dev, "ControlFunction/Role")
    assert lacking(house.asked, having | reading) == set()
    assert unused(house.asked, having) == set()


def test_tables_are_made_and_made_anew_and_nothing_else_is_asked_of_glue(
    dev: Synthesised, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the database of the stage
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    called: set[str] = set()
    database = str(dev.stage.glue_database)
    with mock_aws():
        boto3.client("glue").create_database(DatabaseInput={"Name": database})
        session = boto3.Session()
        session.events.register("before-call.glue", lambda model, **_: called.add(f"glue:{model.name}"))
        monkeypatch.setattr(boto3, "client", session.client)
        # When a table is registered, again by a further run
        for comment in ("first", "second"):
            GlueTables(database).put({"Name": "job", "Description": comment})
        assert session.client("glue").get_table(DatabaseName=database, Name="job")["Table"]["Description"] == "second"
    # Then the role may do that, in this database
    rows = {row[1:3] for row in role_rows(dev) if row[0] == "BulkFunction/Role" and row[1].startswith("glue:")}
    where = "arn:aws:glue:<region>:<account>:{}".format
    places = (where("catalog"), where("database/skysort_dev"), where("table/skysort_dev/*"))
    assert rows == {(action, on) for action in called - {"glue:GetTable"} for on in places}
