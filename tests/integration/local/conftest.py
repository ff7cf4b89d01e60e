"""A started stack with functions made for tests, and pools of them without the rest."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from infra.local.pool import Pool
from infra.local.process import Launcher, Lifeline
from infra.local.report import FunctionLog
from infra.local.running_stack import StartedStack, started_stack
from infra.stages.deployments import local
from infra.stages.functions import FunctionSettings, OnDemand, Warm
from infra.stages.stage import LocalLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).with_name("project")
DEADLINE_S = 15.0


def eventually(check: Callable[[], Any], what: str) -> Any:
    """Wait for a check to give something."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.01)
    pytest.fail(f"waited {DEADLINE_S:g} s for {what}")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


@dataclass
class Local:
    """The running stack, as its callers see it."""

    stack: StartedStack
    http: httpx.Client
    s3: httpx.Client

    def star(self, **query: object) -> httpx.Response:
        """Ask the star function to do something."""
        return self.http.post("/v1/classify/star", params={name: str(value) for name, value in query.items()})

    def state(self) -> dict[str, Any]:
        """What state.json says."""
        state: dict[str, Any] = json.loads((self.stack.state / "state.json").read_text())
        return state

    def log(self, name: str) -> str:
        """What a function or child wrote."""
        return (self.stack.state / "logs" / f"{name}.log").read_text()

    def drop(self, key: str, content: str = "a,b\n1,2\n") -> None:
        """Drop a file."""
        self.s3.put(f"/skysort-drop-local/incoming/star/{key}", content=content).raise_for_status()

    def result(self, key: str) -> dict[str, Any]:
        """What the drop function made of a file, once it has."""
        return eventually(lambda: self._fetch(key), f"the result of {key}")  # type: ignore[no-any-return]

    def _fetch(self, key: str) -> dict[str, Any] | None:
        answer = self.s3.get(f"/skysort-results-local/star/{key}")
        return answer.json() if answer.is_success else None

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, visible or not."""
        target = "AmazonSQS.GetQueueAttributes"
        body = {"QueueUrl": self.state()["queues"][queue], "AttributeNames": ["All"]}
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request",
        }
        attributes = self.s3.post("/", content=json.dumps(body), headers=headers).json()["Attributes"]
        return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))


@pytest.fixture(scope="session")
def running() -> Iterator[Local]:
    """One stack for all tests that leave it as it was: two star sandboxes, short timeouts."""
    arguments = [
        *("--root", str(PROJECT), "--concurrency", "star=2", "--verbose"),
        *("--timeout", "star=1", "--timeout", "star-drop=2", "--redelivery", "1"),
    ]
    with (
        started_stack(*arguments) as stack,
        httpx.Client(base_url=stack.api, timeout=20) as http,
        httpx.Client(base_url=stack.s3, timeout=20) as s3,
    ):
        yield Local(stack, http, s3)


@pytest.fixture
def pool_of(tmp_path: Path) -> Iterator[Callable[..., Pool]]:
    """Make pools of the test functions. Their tests run them in a loop of their own."""
    lifeline, logs = Lifeline(), []

    def make(
        maximum: int = 1,
        warm: Warm | None = None,
        limits: LocalLimits | None = None,
        environment: dict[str, str] | None = None,
        timeout_s: int = 5,
    ) -> Pool:
        log = FunctionLog(tmp_path / "star.log")
        logs.append(log)
        settings = FunctionSettings(
            "functions/star",
            "app.handler",
            "star",
            memory_mb=512,
            timeout_s=timeout_s,
            warm=warm or OnDemand(),
            environment=environment or {},
            reserved_concurrency=maximum,
        )
        stage = dataclasses.replace(local(1), limits=limits or LocalLimits())
        launcher = Launcher("star", settings, stage, PROJECT, tmp_path / "tmp", log, lifeline)
        return Pool(launcher)

    yield make
    for log in logs:
        log.close()
    lifeline.close()


def event(**query: object) -> bytes:
    """An event that asks the star function to do something."""
    return json.dumps({"queryStringParameters": {name: str(value) for name, value in query.items()}}).encode()


def clean_environment(**more: str) -> dict[str, str]:
    """The variables of this process without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SKYSORT_")} | more
