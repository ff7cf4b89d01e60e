"""The state machine of bulk jobs with the real functions, in the local interpreter and in moto's: the same results."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.executions import object_reader
from infra.stages.deployments import local
from infra.state_machine.bulk import Family, bulk_definition
from tests.integration.local.bulk_service import ROWS, WORKERS, Service, serving
from tests.integration.local.interpreters import in_moto, locally, moto, with_floats
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from skysort.bulk.keys import BulkKeys
    from tests.integration.local.interpreters import Walk

PARTS = 6
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=3_538,
    invoked_function_arn="a",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 900_000,
)


@dataclass
class Handlers:
    """The functions' handlers, one call at a time as in a sandbox. fail: parts that a first attempt does not get."""

    modules: Mapping[str, ModuleType]
    fail: set[int] = field(default_factory=set)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def call(self, name: str, payload: Any) -> Any:
        """The result, or Lambda's document of an error."""
        with self.turn:
            self.calls.append((name, payload))
            number = payload.get("part", {}).get("part")
            if number in self.fail:
                self.fail.remove(number)
                return {"errorType": "Runtime.ExitError", "errorMessage": "killed"}
            try:
                return self.modules[name].handler(payload, CONTEXT)
            except Exception as error:
                return {"errorType": type(error).__name__, "errorMessage": str(error)}


@pytest.fixture(scope="module")
def stepfunctions() -> Iterator[Any]:
    with moto() as client:
        yield client


@pytest.fixture(scope="module")
def endpoint(stepfunctions: Any) -> Iterator[str]:
    assert stepfunctions
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def modules(endpoint: str) -> Mapping[str, ModuleType]:
    stage = local(WORKERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_REGION", stage.region)
        patch.setenv("SKYSORT_DROP_BUCKET", stage.drop_bucket)
        patch.setenv("SKYSORT_RESULTS_BUCKET", stage.results_bucket)
        patch.setenv("SKYSORT_MODELS_BUCKET", stage.models_bucket)
        return {"bulk": load_function("bulk", "app"), "star-bulk": load_function("star", "bulk")}


@pytest.fixture
def service(endpoint: str, tmp_path: Path) -> Service:
    return Service(endpoint, tmp_path)


def results(service: Service, keys: BulkKeys) -> dict[str, bytes]:
    """What a job has left, but for times: its data and index, by names in its folder."""
    found = [item.key for item in service.store.list(keys.data_prefix)]
    return {key.removeprefix(keys.prefix): service.store.get(key).body for key in (*found, keys.index)}


def test_both_interpreters_leave_the_same_results(
    modules: Mapping[str, ModuleType], service: Service, stepfunctions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two jobs over the same rows; in each two parts fail at first
    definition = bulk_definition("bulk", {"star-bulk": Family("star-bulk", 1)})
    source = service.drop(PARTS)
    here, there = service.planned(source), service.planned(source)
    # When
    functions = Handlers(modules, {1, 4})
    document = {"key": here.start(1)}
    walked_here = locally(definition, document, functions, object_reader(service.s3.read))
    functions = Handlers(modules, {1, 4})
    walked_there = in_moto(with_floats(definition), {"key": there.start(1)}, functions, stepfunctions, monkeypatch)
    # Then
    assert walked_here.outcome[0] == walked_there.outcome[0] == "SUCCEEDED"
    steps = [
        [(name, given["step"], given.get("part", {}).get("part")) for name, given in walk.calls]
        for walk in (walked_here, walked_there)
    ]
    assert steps[0] == steps[1]
    assert sorted(service.rows(here)) == sorted(f"star-{number}" for number in range(PARTS * ROWS))
    found = results(service, here)
    assert len(found) == PARTS + 1
    for name, content in results(service, there).items():
        assert content == found[name].replace(here.id.encode(), there.id.encode()), name
    assert service.summary(here)["rows"] == service.summary(there)["rows"]


def steps(walk: Walk) -> list[tuple[str, str, int | None]]:
    """The calls: function, step, part."""
    return [(name, given["step"], given.get("part", {}).get("part")) for name, given in walk.calls]
