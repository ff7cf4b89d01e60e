"""The calls about bulk jobs: what is started, shown, cancelled and resumed, and whose it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from skysort.bulk.keys import BulkKeys
from skysort.bulk.request import Job
from skysort.bulk.service import BulkService, Surroundings
from skysort.clients import Client, Sharing, client_of
from skysort.errors import NotFoundError
from skysort.http.api import build_api
from skysort.http.bulk import BulkRoutes, add_bulk_routes
from tests import recorded_bulk, recorded_trained
from tests.factories import FakeContext, proxy_event
from tests.factories_bulk import BulkJob

if TYPE_CHECKING:
    from pathlib import Path

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    from aws_lambda_powertools.utilities.typing import LambdaContext


def folder(key: str = "alice") -> str:
    """The folder of the client with this key."""
    return client_of(proxy_event("GET", "/", None, key_id=key), Sharing.SEPARATE).folder


def source(key: str = "alice") -> dict[str, Any]:
    return {"prefix": f"incoming/bulk/{folder(key)}/survey/"}


class Buckets(recorded_bulk.Buckets):
    """Nothing was uploaded to prefixes with the word empty."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Any:
        return iter(()) if "empty" in prefix else super().list(bucket, prefix, after)


@dataclass
class Service:
    """The API over a store, for clients by their keys."""

    house: BulkJob

    def __post_init__(self) -> None:
        store = self.house.store
        around = Surroundings("drop", recorded_bulk.RESULTS, ("survey/dr17/",), None, lambda key: f"https://{key}")
        self.service = BulkService(store, Buckets(store), around, self.house.clock)
        self.api: APIGatewayRestResolver = build_api()
        add_bulk_routes(self.api, BulkRoutes(self.service, self.check_model), self.client)

    @staticmethod
    def check_model(model: str, _client: Client) -> None:
        if model == "custom/unknown":
            raise NotFoundError(f"there is no model {model}")

    def client(self) -> Client:
        return client_of(self.api.current_event.raw_event, Sharing.SEPARATE)

    def call(self, method: str, path: str, body: object = None, *, key: str = "alice", **query: str) -> tuple[int, Any]:
        text = None if body is None else json.dumps(body)
        event = proxy_event(method, path, text, query=query or None, key_id=key)
        response = self.api.resolve(event, cast("LambdaContext", FakeContext()))
        return response["statusCode"], json.loads(response["body"])

    def started(self, key: str = "alice", **fields: object) -> str:
        """A job that was just started; the house goes on with it."""
        status, job = self.call("POST", "/v1/bulk", {"model": "star", "source": source(key), **fields}, key=key)
        assert status == 202, job
        self.house.keys = BulkKeys(folder(key), job["id"])
        self.house.job = Job.read(self.house.store.get(self.house.keys.request).body)
        return str(job["id"])

    def running(self) -> str:
        """A job at work."""
        job = self.started()
        self.house.plan()
        self.house.run("plan")
        self.house.run("price")
        return job


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(BulkJob(tmp_path))


def test_a_started_job_waits_and_its_run_is_what_starts_it(service: Service) -> None:
    # When
    job = service.started()
    # Then
    status, shown = service.call("GET", f"/v1/bulk/{job}")
    assert (status, shown["phase"], shown["run"], shown["plan"]) == (200, "waiting", 1, None)
    assert service.house.store.writes == [service.house.keys.request, service.house.keys.start(1)]


def test_class_shares_are_kept_and_repeated(service: Service) -> None:
    shares = {"GALAXY": 900, "QSO": 1, "STAR": 99}
    job = service.started(prior=shares)
    _, answer = service.call("GET", f"/v1/bulk/{job}")
    assert answer["prior"] == shares
    _, plain = service.call("GET", f"/v1/bulk/{service.started()}")
    assert "prior" not in plain


def test_a_running_job_shows_its_plan_and_how_far_it_is(service: Service) -> None:
    # Given
    job = service.running()
    # When
    service.house.do(0)
    service.house.do(2, rejected=5)
    _, shown = service.call("GET", f"/v1/bulk/{job}")
    # Then
    assert shown["phase"] == "running"
    assert shown["progress"]["parts"] == {"total": 3, "done": 2, "failed": 0, "counted": 2}
    assert shown["progress"]["rows"] == {"total": 6_000, "in": 4_000, "out": 3_995, "rejected": 5, "failed": 0}


def test_the_files_of_a_job_are_linked_in_pages(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr("skysort.bulk.service.BULK_FILES_PER_PAGE", 2)
    job = service.running()
    for part in range(3):
        service.house.do(part, rejected=part)
    # When all pages are read
    names: list[str] = []
    following: dict[str, str] = {}
    while True:
        _, page = service.call("GET", f"/v1/bulk/{job}/files", **following)
        names += [file["name"] for file in page["files"]]
        if page["next"] is None:
            break
        following = {"next": page["next"]}
    # Then each file is there once
    assert names == [
        *(f"data/block=0000/part-0000{part}.parquet" for part in range(3)),
        "rejected/part-00001.csv",
        "rejected/part-00002.csv",
    ]


@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"prefix": "incoming/bulk/client-bob/survey/"}, "source.prefix", "is not one of your files"),
        ({"keys": ["incoming/bulk/client-bob/1.csv"]}, "source.keys", "is not one of your files"),
        ({"manifest": "incoming/bulk/list.txt"}, "source.manifest", "is not one of your files"),
        ({"prefix": "s3://others/"}, "source.prefix", "bulk jobs may also read s3://survey/dr17/"),
        ({"prefix": "incoming/"}, "source.prefix", "is not one of your files"),
        ({"prefix": f"incoming/bulk/{folder()}/empty/"}, "source.prefix", "nothing was uploaded to"),
        ({"keys": [f"incoming/bulk/{folder()}/empty.csv"]}, "source.keys", "nothing was uploaded to"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_at_once(
    service: Service, fields: dict[str, Any], field: str, detail: str
) -> None:
    status, problem = service.call("POST", "/v1/bulk", {"model": "star", "source": fields})
    assert status == 422
    assert problem["errors"][0]["field"] == field
    assert detail in problem["errors"][0]["detail"]
    assert not service.house.store.objects


def test_a_source_that_is_open_to_all_is_left_to_the_planner(service: Service) -> None:
    status, _ = service.call("POST", "/v1/bulk", {"model": "star", "source": {"prefix": "s3://survey/dr17/empty/"}})
    assert status == 202


def test_a_model_that_the_client_does_not_have_is_not_found(service: Service) -> None:
    assert service.call("POST", "/v1/bulk", {"model": "custom/unknown", "source": source()})[0] == 404


def test_a_job_is_not_there_for_others(service: Service) -> None:
    # Given
    job = service.running()
    # When another client asks
    calls = [("GET", ""), ("GET", "/files"), ("POST", "/cancel"), ("POST", "/resume")]
    answers = [service.call(method, f"/v1/bulk/{job}{path}", key="bob") for method, path in calls]
    # Then it is as if there were none
    assert [status for status, _ in answers] == [404] * 4
    assert service.call("GET", "/v1/bulk", key="bob")[1] == {"jobs": [], "next": None}
    assert service.call("GET", f"/v1/bulk/{job}")[1]["phase"] == "running"


@pytest.mark.parametrize("name", ["x", "star-20261128-084500-ffffff", "..", "star-20261128-084500-1a2b3c%2F.."])
def test_another_id_is_not_found(service: Service, name: str) -> None:
    service.started()
    assert service.call("GET", f"/v1/bulk/{name}")[0] == 404


def test_jobs_are_listed_in_pages_the_newest_first(service: Service) -> None:
    # Given
    started = []
    for _ in range(3):
        started.append(service.started())
        service.house.clock.pass_s(60)
    # When
    _, first = service.call("GET", "/v1/bulk", limit="2")
    _, rest = service.call("GET", "/v1/bulk", limit="2", next=first["next"])
    # Then
    listed = [job["id"] for page in (first, rest) for job in page["jobs"]]
    assert listed == started[::-1]
    assert rest["next"] is None


def test_a_list_leaves_out_what_may_be_long(service: Service) -> None:
    # Given a finished job of many files, some of them refused
    keys = [f"incoming/bulk/{folder()}/survey/{number:04}-{'x' * 900}.csv" for number in range(1_000)]
    service.started(source={"keys": keys})
    service.house.plan(refused=[(key, "is no table that can be read") for key in keys[:100]])
    service.house.run("price")
    for part in range(3):
        service.house.do(part)
    service.house.run("finish")
    # When it is listed
    (job,) = service.call("GET", "/v1/bulk")[1]["jobs"]
    # Then a hundred of it are a small answer
    assert len(json.dumps(job)) < 10_000
    assert job["source"]["keys"] == keys[:1]
    assert job["plan"]["refused"] == {"count": 100, "files": []}
    assert (job["summary"], job["progress"]["classes"], job["progress"]["rows"]["in"]) == (None, {}, 6_000)


def test_a_cursor_that_is_none_is_refused(service: Service) -> None:
    assert service.call("GET", "/v1/bulk", next="x")[0] == 422


def test_one_client_has_so_many_jobs_at_once(service: Service) -> None:
    for _ in range(3):
        service.started()
    status, problem = service.call("POST", "/v1/bulk", {"model": "star", "source": source()})
    assert (status, problem["type"]) == (413, "urn:skysort:problem:limit-exceeded")
    assert "3 bulk jobs are waiting or running" in problem["detail"]
    assert service.started(key="bob")


def test_a_plan_that_waits_for_its_owner_counts_as_none(service: Service) -> None:
    for _ in range(4):
        service.started(plan_only=True)
        service.house.plan()
        service.house.run("price")


def test_a_cancelled_run_is_told_and_ends_with_its_steps(service: Service) -> None:
    # Given
    job = service.running()
    # When
    status, shown = service.call("POST", f"/v1/bulk/{job}/cancel")
    # Then the run stops when it sees this
    assert (status, shown["phase"]) == (202, "running")
    assert service.house.keys.cancel(1) in service.house.store.objects
    service.house.run("end", error={"Error": "BulkCancelled", "Cause": ""})
    assert service.call("GET", f"/v1/bulk/{job}")[1]["phase"] == "cancelled"
    status, problem = service.call("POST", f"/v1/bulk/{job}/cancel")
    assert (status, problem["detail"]) == (409, "the job has ended: it is cancelled")


def test_a_plan_is_cancelled_at_once(service: Service) -> None:
    job = service.started(plan_only=True)
    service.house.plan()
    service.house.run("price")
    assert service.call("POST", f"/v1/bulk/{job}/cancel")[1]["phase"] == "cancelled"


def test_a_cancelled_job_goes_on_with_a_further_run(service: Service) -> None:
    # Given
    job = service.running()
    service.house.do(0)
    service.call("POST", f"/v1/bulk/{job}/cancel")
    service.house.run("end", error={})
    # When
    status, shown = service.call("POST", f"/v1/bulk/{job}/resume")
    # Then
    assert (status, shown["phase"], shown["run"], shown["problem"]) == (202, "waiting", 2, None)
    assert service.house.run("price", 2)["go"] == "yes"
    assert shown["progress"]["parts"]["done"] == 1


def test_a_job_that_runs_or_is_done_is_not_resumed(service: Service) -> None:
    job = service.running()
    status, problem = service.call("POST", f"/v1/bulk/{job}/resume")
    assert (status, problem["type"]) == (409, "urn:skysort:problem:conflict")
    assert "the job is running; cancel it first" in problem["detail"]
    for part in range(3):
        service.house.do(part)
    service.house.run("finish")
    assert "the job is done" in service.call("POST", f"/v1/bulk/{job}/resume")[1]["detail"]
    assert service.call("POST", f"/v1/bulk/{job}/cancel")[0] == 409


def test_of_two_that_resume_at_once_one_does(service: Service) -> None:
    # Given
    job = service.started(plan_only=True)
    house = service.house
    house.plan()
    house.run("price")

    def first(operation: str, key: str) -> None:
        if operation == "put" and key == house.keys.start(2):
            house.store.before = lambda _operation, _key: None
            house.store.put(key, b"{}")

    # When another is faster
    house.store.before = first
    status, problem = service.call("POST", f"/v1/bulk/{job}/resume")
    # Then
    assert (status, problem["detail"]) == (409, "another call resumes the job at the same time")


def test_a_job_has_so_many_runs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skysort.bulk.service.BULK_RUNS", 1)
    job = service.started(plan_only=True)
    service.house.plan()
    service.house.run("price")
    status, problem = service.call("POST", f"/v1/bulk/{job}/resume")
    assert (status, "the job has had 1 runs" in problem["detail"]) == (413, True)


def test_a_job_of_which_nothing_is_heard_has_failed_and_can_go_on(service: Service) -> None:
    # Given a part that ended an hour after the start, and nothing since
    job = service.running()
    service.house.store.modified = "2026-11-28T09:45:00.000Z"
    service.house.do(0)
    service.house.clock.pass_s(3_600 + 1_800)
    assert service.call("GET", f"/v1/bulk/{job}")[1]["phase"] == "running"
    # When more time passes
    service.house.clock.pass_s(2_000)
    shown = service.call("GET", f"/v1/bulk/{job}")[1]
    # Then
    assert (shown["phase"], shown["problem"]["status"]) == ("failed", 503)
    assert "Resume it" in shown["problem"]["detail"]
    assert service.call("POST", f"/v1/bulk/{job}/resume")[1]["run"] == 2


def test_recorded_answers_are_what_the_service_says() -> None:
    """Anew: python -m tests.recorded_bulk."""
    for name, answer in recorded_bulk.answers().items():
        assert json.loads((recorded_trained.FOLDER / f"{name}.json").read_bytes()) == answer, name
