"""The gateway as an ASGI app, with functions that are futures."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.local.gateway import Gateway
from infra.local.invocation import CrashedError, Reply, StoppingError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.local.pool import Pool


@dataclass
class FakePool:
    """A function whose every call ends alike; None never ends."""

    outcome: Reply | Exception | None
    events: list[dict[str, Any]] = field(default_factory=list)

    def submit(self, _request_id: str, event: bytes, body: bytes) -> asyncio.Future[Reply]:
        self.events.append({**json.loads(event), "body": body.decode()})
        if isinstance(self.outcome, ThrottledError | StoppingError):
            raise self.outcome
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if isinstance(self.outcome, Reply):
            future.set_result(self.outcome)
        elif self.outcome is not None:
            future.set_exception(self.outcome)
        return future


@dataclass
class Answer:
    """What the gateway sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-amzn-requestid"]
        return document


OK = Reply(b'{"statusCode": 200, "body": "{}"}')


def call(
    outcome: Reply | Exception | None = OK,
    *,
    method: str = "POST",
    path: str = "/v1/classify/star",
    chunks: Iterable[bytes] = (b"{}",),
    headers: Iterable[tuple[bytes, bytes]] = (),
    disconnect: bool = False,
) -> tuple[Answer | None, FakePool]:
    pool = FakePool(outcome)
    gateway = Gateway(cast("dict[str, Pool]", {"star": pool, "control": pool}), "local", 8000, timeout_s=0.05)
    scope = {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers),
        "client": ("127.0.0.1", 5),
        "http_version": "1.1",
    }
    parts = list(chunks)
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts[:-1]]
    incoming += [{"type": "http.request", "body": parts[-1], "more_body": disconnect}]
    incoming += [{"type": "http.disconnect"}] if disconnect else []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(one: dict[str, Any]) -> None:
        sent.append(one)

    asyncio.run(gateway(scope, receive, send))
    if not sent:
        return None, pool
    head = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], head, sent[1]["body"]), pool


def answered(outcome: Reply | Exception | None = OK, **request: Any) -> Answer:
    answer, _ = call(outcome, **request)
    assert answer is not None
    return answer


def test_a_request_reaches_its_function_and_comes_back() -> None:
    answer, pool = call(chunks=[b'{"u":', b" 1}"])
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"{}")
    assert pool.events[0]["body"] == '{"u": 1}'
    assert pool.events[0]["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("outcome", "status", "kind"),
    [
        (ThrottledError("full"), 429, "too-many-requests"),
        (StoppingError("The stack is stopping"), 503, "unavailable"),
        (TimedOutError("star took too long"), 504, "timeout"),
        (None, 504, "timeout"),
        (CrashedError("killed"), 502, "function-failed"),
        (StartFailedError("no artefact"), 502, "function-failed"),
        (Reply(b'{"errorType": "KeyError", "errorMessage": "secret"}', failed=True), 502, "function-failed"),
        (Reply(b"[]"), 502, "function-failed"),
    ],
    ids=[
        "throttled",
        "stopping",
        "function timeout",
        "gateway timeout",
        "crashed",
        "not started",
        "raised",
        "malformed",
    ],
)
def test_failures_are_problems(outcome: Reply | Exception | None, status: int, kind: str) -> None:
    answer = answered(outcome)
    assert answer.status == status
    assert answer.problem["type"] == f"urn:skysort:problem:{kind}"
    assert "secret" not in answer.body.decode()
    assert ("retry-after" in answer.headers) == (status == 429)


def test_an_unknown_path_is_404_with_a_hint() -> None:
    answer = answered(path="/v1/clasify/star")
    assert answer.status == 404
    assert "Did you mean /v1/classify/star?" in answer.problem["detail"]


def test_a_wrong_method_is_405_with_the_right_ones() -> None:
    answer = answered(method="PUT")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert "use POST" in answer.problem["detail"]


def test_an_announced_body_above_the_limit_is_not_read() -> None:
    length = str(limits.GATEWAY_REQUEST_BYTES + 1).encode()
    answer, pool = call(headers=[(b"content-length", length)])
    assert answer is not None
    assert answer.status == 413
    assert "10 MB" in answer.problem["detail"]
    assert pool.events == []


def test_a_streamed_body_above_the_limit_is_refused() -> None:
    part = b"x" * (limits.GATEWAY_REQUEST_BYTES // 2)
    assert answered(chunks=[part, part, b"x"]).status == 413


def test_a_body_above_lambdas_payload_is_refused() -> None:
    answer = answered(chunks=[b"x" * limits.LAMBDA_PAYLOAD_BYTES])
    assert answer.status == 413
    assert "6 MB as a Lambda event" in answer.problem["detail"]


def test_a_caller_who_leaves_reaches_no_function() -> None:
    answer, pool = call(chunks=[b"half"], disconnect=True)
    assert answer is None
    assert pool.events == []
