"""The gateway as an ASGI app, with functions that are futures."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.api.gateway_problems import GATEWAY_RESPONSES
from infra.api.routes import Router
from infra.local.gateway import Gateway
from infra.local.pool import CrashedError, Reply, StoppingError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.local.site import Site
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from infra.local.pool import Pool


@dataclass
class FakePool:
    """A function whose every call ends alike; None never ends."""

    outcome: Reply | Exception | None
    events: list[dict[str, Any]] = field(default_factory=list)

    def submit(self, _request_id: str, event: bytes) -> asyncio.Future[Reply]:
        self.events.append(json.loads(event))
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
    host: bytes | None = None,
    query: bytes = b"",
    unread: list[dict[str, Any]] | None = None,
) -> tuple[Answer | None, FakePool]:
    pool = FakePool(outcome)
    gateway = Gateway(cast("dict[str, Pool]", {"star": pool, "control": pool}), "local", 8000, timeout_s=0.05)
    scope = {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1:8000"), *headers] if host is None else [(b"host", host), *headers],
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
    if unread is not None:
        unread += incoming
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
        (TimedOutError("star took too long"), 502, "function-failed"),
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
    assert ("retry-after" in answer.headers) == (status in {429, 502})


@pytest.mark.parametrize(
    ("outcome", "response_type", "reason"),
    [
        (ThrottledError("all sandboxes are busy"), "THROTTLED", "all sandboxes are busy"),
        (CrashedError("killed"), "INTEGRATION_FAILURE", "killed"),
        (None, "INTEGRATION_TIMEOUT", "0.05 s"),
    ],
)
def test_the_gateways_own_answers_are_the_deployed_ones_with_the_reason(
    outcome: Exception | None, response_type: str, reason: str
) -> None:
    deployed = GATEWAY_RESPONSES[response_type]
    problem = answered(outcome).problem
    assert (problem["status"], problem["detail"]) == (deployed.problem.status, deployed.detail)
    assert problem["type"].endswith(f":{deployed.problem.kind}")
    assert reason in problem["local"]


@pytest.mark.parametrize("path", ["/local/v1/classify/star", "/v1/classify/star"])
def test_a_path_may_begin_with_the_stage_as_the_apis_own_address_does(path: str) -> None:
    # When a request comes by the API's address, or by one that hides the stage, as CloudFront's does
    answer, pool = call(path=path)
    # Then the function gets the same: its path without the stage, the request's with it
    assert answer is not None
    assert answer.status == 200
    assert pool.events[0]["path"] == "/v1/classify/star"
    assert pool.events[0]["requestContext"]["path"] == "/local/v1/classify/star"


@pytest.mark.parametrize("path", ["/locally/v1/classify/star", "/dev/v1/health", "/local/local/v1/classify/star"])
def test_nothing_else_may_precede_a_path(path: str) -> None:
    assert answered(path=path).status == 404


def test_the_page_is_not_part_of_the_api() -> None:
    assert answered(method="GET", path="/local").status == answered(method="GET", path="/local/").status == 404


@pytest.mark.parametrize(
    "headers", [[(b"x-one", b"1" * 10_300)], [(b"x-many", b"1" * 1_000)] * 11], ids=["one header", "many headers"]
)
def test_headers_above_the_gateways_limit_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    answer, pool = call(headers=headers)
    assert answer is not None
    assert (answer.status, pool.events) == (431, [])
    assert "10,240 bytes" in answer.problem["detail"]


def test_an_unknown_path_is_404_with_a_hint() -> None:
    answer = answered(path="/v1/clasify/star")
    assert answer.status == 404
    assert "Did you mean /v1/classify/star?" in answer.problem["detail"]


def test_a_wrong_method_is_405_with_the_right_ones() -> None:
    answer = answered(method="PUT")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert "use POST" in answer.problem["detail"]


LARGE = [b"x" * limits.MIB] * 12


def announced(chunks: list[bytes]) -> tuple[bytes, bytes]:
    return b"content-length", str(sum(map(len, chunks))).encode()


@pytest.mark.parametrize("headers", [[announced(LARGE)], []], ids=["announced", "chunked"])
def test_a_body_above_the_limit_is_read_to_its_end_before_it_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    """A client that sends everything before it looks for an answer would find the connection reset."""
    unread: list[dict[str, Any]] = []
    answer, pool = call(chunks=LARGE, headers=headers, unread=unread)
    assert answer is not None
    assert answer.status == 413
    assert "10 MB" in answer.problem["detail"]
    assert answer.headers["connection"] == "close"
    assert (unread, pool.events) == ([], [])


def test_a_body_without_end_is_refused_at_some_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.gateway.DRAINED_BYTES", 4 * limits.MIB)
    unread: list[dict[str, Any]] = []
    answer, _ = call(chunks=[b"x" * limits.MIB] * 30, unread=unread)
    assert answer is not None
    assert answer.status == 413
    # Eleven to see that it is too large, four more, and no others
    assert len(unread) == 30 - 11 - 4


def test_a_client_that_waits_to_be_told_is_told_at_once() -> None:
    unread: list[dict[str, Any]] = []
    answer, _ = call(chunks=LARGE, headers=[announced(LARGE), (b"expect", b"100-continue")], unread=unread)
    assert answer is not None
    assert (answer.status, len(unread)) == (413, len(LARGE))


@pytest.mark.parametrize("host", [b"evil.example:8000", b"127.0.0.1", b"127.0.0.1:9000", b"", b"127.0.0.1.evil:8000"])
def test_a_name_that_somebody_points_at_this_machine_is_refused(host: bytes) -> None:
    answer, pool = call(host=host)
    assert answer is not None
    assert (answer.status, pool.events) == (403, [])
    assert "use the host name 127.0.0.1:8000 or localhost:8000" in answer.problem["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"https://evil.example")],
        [(b"origin", b"null")],
        [(b"origin", b"http://127.0.0.1:3000"), (b"sec-fetch-site", b"same-site")],
        [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"no-cors")],
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_page_of_another_site_classifies_nothing_with_or_without_a_content_type(
    headers: list[tuple[bytes, bytes]], method: str
) -> None:
    path = "/v1/classify/star" if method == "POST" else "/v1/models/star/ready"
    answer, pool = call(method=method, path=path, headers=headers)
    assert answer is not None
    assert (answer.status, pool.events) == (403, [])
    assert "may not use this server" in answer.problem["detail"]


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        (b"localhost:8000", []),
        (b"LOCALHOST:8000", [(b"origin", b"http://localhost:8000"), (b"sec-fetch-site", b"same-origin")]),
        (b"127.0.0.1:8000", [(b"origin", b"http://127.0.0.1:8000")]),
    ],
)
def test_this_machines_programs_and_the_own_page_are_answered(host: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert answered(host=host, headers=headers).status == 200


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        (b"evil.example", [(b"host", b"127.0.0.1:8000")]),
        (b"127.0.0.1:8000", [(b"host", b"evil.example")]),
        (b"127.0.0.1:8000", [(b"origin", b"http://evil.example"), (b"origin", b"http://127.0.0.1:8000")]),
        (b"127.0.0.1:8000", [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")]),
    ],
)
def test_what_a_request_says_twice_of_its_origin_is_not_believed(
    host: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    answer, pool = call(host=host, headers=headers)
    assert answer is not None
    assert (answer.status, pool.events) == (403, [])


@pytest.mark.parametrize(("path", "query"), [("/v1/models/" + "n" * 9_000, b""), ("/v1/health", b"x=" + b"1" * 9_000)])
def test_an_address_without_end_is_a_problem(path: str, query: bytes) -> None:
    answer = answered(method="GET", path=path, query=query)
    assert answer.status == 414
    assert "8,192 characters" in answer.problem["detail"]


def test_a_name_longer_than_a_file_systems_is_not_found(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for name in ("n" * 5_000 + ".html", "d/" * 3_000 + "a.css", "a\0.html"):
        assert site.find("GET", f"/{name}", []) is None


def test_a_compressed_body_reaches_its_function_unpacked() -> None:
    headers = [(b"content-encoding", b"gzip"), (b"content-type", b"application/json")]
    answer, pool = call(chunks=[gzip.compress(b'{"u": 1}')], headers=headers)
    assert answer is not None
    assert (answer.status, pool.events[0]["body"]) == (200, '{"u": 1}')


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"x", b"br", 415),
        (gzip.compress(bytes(11 * limits.MIB)), b"gzip", 413),
        (gzip.compress(b"{}")[:-4], b"gzip", 400),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body: bytes, encoding: bytes, status: int) -> None:
    answer, pool = call(chunks=[body], headers=[(b"content-encoding", encoding)])
    assert answer is not None
    assert (answer.status, answer.problem["status"], pool.events) == (status, status, [])


def test_a_fault_of_the_gateway_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Router, "find", fail)
    answer = answered()
    assert (answer.status, answer.problem["type"]) == (500, "urn:skysort:problem:internal-error")
    assert "secret" not in answer.body.decode()


def test_a_body_above_lambdas_payload_is_refused() -> None:
    answer = answered(chunks=[b"x" * limits.LAMBDA_PAYLOAD_BYTES])
    assert answer.status == 413
    assert "6 MB as a Lambda event" in answer.problem["local"]


def test_a_caller_who_leaves_reaches_no_function() -> None:
    answer, pool = call(chunks=[b"half"], disconnect=True)
    assert answer is None
    assert pool.events == []
