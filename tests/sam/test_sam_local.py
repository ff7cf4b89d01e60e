"""`sam local` on the real engine: every function invoked, every sample event answered, the whole API served."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from infra import ROOT
from infra.api.routes import ROUTES
from infra.constructs.function import logical_id
from infra.stages.deployments import dev
from skysort.bulk.keys import BulkKeys
from tests.factories import EXAMPLE_ROW
from tests.sam.conftest import client, environment
from tests.sample_events import BULK, BULK_JOB, READ_THE_BUCKET, READY, RESULTS, TRAINED
from tests.unit.functions.test_events import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sam.conftest import Sam

pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

EVENTS = ROOT / "events"
# An event for each function: `sam local invoke <Function> -e events/<event>.json`.
ONE_EACH = {
    "star": "star_row",
    "star-drop": "star_drop",
    "galaxy": "galaxy_jpeg",
    "galaxy-drop": "galaxy_drop",
    "image": "image_jpeg",
    "image-drop": "image_drop",
    "custom": "custom_picture",
    "custom-drop": "custom_drop",
    "custom-train": READY,
    "star-train": READY,
    **dict.fromkeys(("galaxy-bulk", "image-bulk", "star-bulk", "custom-bulk", "bulk"), READY),
    "control": "models",
}
VERSION, TRAINING = "0123456789ab", "pictures-20261128-084500-1a2b3c"
JPEG = (EVENTS / "galaxy_spiral.jpg").read_bytes()
CSV = (EVENTS / "stars.csv").read_bytes()


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("function", list(dev().functions))
def test_sam_local_invoke(function: str, sam: Sam) -> None:
    # When
    name = ONE_EACH[function]
    command = sam.command("invoke", logical_id(function), "--event", f"events/{name}.json")
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    # Then what the function returned is all that is on standard output
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    if name == READY:
        assert answer == {"ready": True}
    elif name in RESULTS:
        assert answer == {"batchItemFailures": []}
        assert RESULTS[name] in sam.results()
    else:
        assert answer["statusCode"] == 200


@pytest.fixture(scope="module")
def functions(sam: Sam, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`sam local start-lambda`: the same containers, kept from one event to the next."""
    with sam.serving("start-lambda", tmp_path_factory.mktemp("start-lambda") / "log") as address:
        yield client("lambda", address)


def invoke(functions: Any, function: str, name: str) -> Any:
    reply = functions.invoke(FunctionName=logical_id(function), Payload=json.dumps(event(name)))
    return json.loads(reply["Payload"].read())


@pytest.mark.parametrize("name", EXPECTED)
def test_every_event_is_answered(name: str, functions: Any) -> None:
    function, status = EXPECTED[name]
    answer = invoke(functions, function, name)
    assert answer["statusCode"] == status, answer


@pytest.mark.parametrize("name", sorted(READ_THE_BUCKET))
def test_a_picture_in_the_bucket_is_answered(name: str, functions: Any) -> None:
    answer = invoke(functions, name.partition("_")[0], name)
    assert answer["statusCode"] == 200, answer


@pytest.mark.parametrize(("name", "key"), RESULTS.items())
def test_every_dropped_file_is_recorded(name: str, key: str | None, functions: Any, sam: Sam) -> None:
    assert invoke(functions, f"{name.partition('_')[0]}-drop", name) == {"batchItemFailures": []}
    assert key is None or key in sam.results()


def test_the_steps_of_a_bulk_job_end_in_its_results(functions: Any, sam: Sam) -> None:
    """One after the other, of which the last registers a table in Glue, which moto has too."""
    glue = client("glue", sam.endpoint)
    glue.create_database(DatabaseInput={"Name": dev().glue_database})
    answers = [invoke(functions, function, name) for name, function in BULK.items()]
    assert answers[0] == {"family": "star-bulk", "planned": False}, answers
    done = BulkKeys("shared", BULK_JOB)
    assert {done.data(0, "parquet"), done.done(0), done.success} <= sam.results(), answers
    assert len(glue.get_tables(DatabaseName=dev().glue_database)["TableList"]) == 1


@pytest.fixture(scope="module")
def api(sam: Sam, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """`sam local start-api`."""
    address = sam.serving("start-api", tmp_path_factory.mktemp("start-api") / "log")
    with address as url, httpx.Client(base_url=url, timeout=120) as caller:
        yield caller


def requests() -> dict[str, tuple[str, str, dict[str, Any], int]]:
    """Calls of every route, by what they show: method, path, what is sent, the status that it is answered with."""
    upload = {"model": "star", "batch": "first", "files": [{"name": "stars.csv", "size": len(CSV)}]}
    return {
        "a row": ("POST", "/v1/classify/star", {"json": EXAMPLE_ROW}, 200),
        "a table": ("POST", "/v1/classify/star", {"content": CSV, "headers": {"Content-Type": "text/csv"}}, 200),
        "a bad row": ("POST", "/v1/classify/star", {"json": {**EXAMPLE_ROW, "u": "bright"}}, 422),
        "a picture": ("POST", "/v1/classify/galaxy", {"content": JPEG, "headers": {"Content-Type": "image/jpeg"}}, 200),
        "a form": ("POST", "/v1/classify/image", {"files": {"file": ("m31.jpg", JPEG, "image/jpeg")}}, 200),
        "star ready": ("GET", "/v1/models/star/ready", {}, 200),
        "galaxy ready": ("GET", "/v1/models/galaxy/ready", {}, 200),
        "image ready": ("GET", "/v1/models/image/ready", {}, 200),
        "models": ("GET", "/v1/models", {}, 200),
        "a model": ("GET", "/v1/models/star", {}, 200),
        "no such model": ("GET", "/v1/models/moon", {}, 404),
        "health": ("GET", "/v1/health", {}, 200),
        "uploads": ("POST", "/v1/uploads", {"json": upload}, 200),
        "a batch": ("GET", "/v1/batches/first", {}, 404),
        "its results": ("GET", "/v1/batches/first/results.csv", {}, 404),
        "trained models": ("GET", "/v1/trained", {}, 200),
        "no trained model": ("GET", "/v1/trained/star", {}, 404),
        "no versions": ("GET", "/v1/models/star/versions", {}, 404),
        "no version": ("GET", f"/v1/models/star/versions/{VERSION}", {}, 404),
        "no version to delete": ("DELETE", f"/v1/models/star/versions/{VERSION}", {}, 404),
        "no version to promote": ("POST", "/v1/models/star/promote", {"json": {"version": VERSION}}, 404),
        "no version before": ("POST", "/v1/models/star/rollback", {"json": {}}, 404),
        "no model to delete": ("DELETE", "/v1/models/star", {}, 404),
        "a training of nothing": ("POST", "/v1/trainings", {"json": {"kind": "pictures"}}, 422),
        "trainings": ("GET", "/v1/trainings", {}, 200),
        "no training": ("GET", f"/v1/trainings/{TRAINING}", {}, 404),
        "a bulk job of nothing": ("POST", "/v1/bulk", {"json": {"model": "star"}}, 422),
        "bulk jobs": ("GET", "/v1/bulk", {}, 200),
        "no bulk job": ("GET", f"/v1/bulk/{TRAINING}", {}, 404),
        "no files of one": ("GET", f"/v1/bulk/{TRAINING}/files", {}, 404),
        "nothing to cancel": ("POST", f"/v1/bulk/{TRAINING}/cancel", {"json": {}}, 404),
        "nothing to resume": ("POST", f"/v1/bulk/{TRAINING}/resume", {"json": {}}, 404),
        "a trained model": (
            "POST",
            f"/v1/classify/custom/{TRAINED}",
            {"content": JPEG, "headers": {"Content-Type": "image/jpeg"}},
            200,
        ),
        "custom ready": ("GET", "/v1/models/custom/ready", {}, 200),
        "contract": ("GET", "/openapi.json", {}, 200),
        "its page": ("GET", "/docs", {}, 200),
    }


@pytest.mark.parametrize("name", requests())
def test_sam_local_serves_the_api(name: str, api: httpx.Client) -> None:
    method, path, sent, status = requests()[name]
    response = api.request(method, path, **sent)
    assert response.status_code == status, response.text


def test_every_route_is_called() -> None:
    called = {(method, path) for method, path, _, _ in requests().values()}
    templates = {(route.method, route.path) for route in ROUTES}
    assert {(method, template(path)) for method, path in templates} <= called


def template(path: str) -> str:
    """A route's path with the values that the calls have."""
    values = {"name": TRAINED if "/custom/" in path else "star", "batch": "first", "version": VERSION, "id": TRAINING}
    return path.format_map(values)
