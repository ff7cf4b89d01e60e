"""Retries: how long, how often, and what is never tried again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort_cli.client import LONGEST_RETRY_AFTER_S, Client, RetryPolicy, retry_after_s
from skysort_cli.endpoint import Endpoint
from skysort_cli.exits import ProblemError, ServiceError, StoppedError
from tests.fakes.service import FakeService, problem
from tests.unit.skysort_cli.conftest import FAST

ENDPOINT = Endpoint("https://sky.example", "secret")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Pauses(threading.Event):
    """Waits for nothing and remembers for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.taken.append(timeout or 0.0)
        return False


@given(st.integers(1, 20), st.none() | st.floats(0, LONGEST_RETRY_AFTER_S), st.floats(0, 1))
def test_a_pause_is_bounded_and_never_shorter_than_asked_for(failures: int, asked: float | None, chance: float) -> None:
    policy = RetryPolicy()
    seconds = policy.wait_s(failures, asked, lambda low, high: low + chance * (high - low))
    if failures >= policy.attempts:
        assert seconds is None
    elif asked is None:
        assert seconds is not None
        assert 0 <= seconds <= min(policy.max_s, policy.first_s * 2 ** (failures - 1))
    else:
        assert seconds is not None
        assert asked <= seconds <= asked + policy.first_s


def test_a_service_that_asks_for_a_long_pause_is_not_waited_for() -> None:
    assert RetryPolicy().wait_s(1, LONGEST_RETRY_AFTER_S + 1) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 0.5 ", 0.5),
        ("-4", 0.0),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0.0),
        ("Fri, 02 Jan 2026 12:00:07", 7.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOON) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_header_is_survived(header: str) -> None:
    seconds = retry_after_s(header, NOON)
    assert seconds is None or seconds >= 0


@pytest.fixture
def fake() -> FakeService:
    return FakeService()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def client(fake: FakeService, pauses: Pauses) -> Client:
    return Client(ENDPOINT, policy=FAST, stop=pauses, transport=fake.transport)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_or_failing_service_is_asked_again(
    client: Client, fake: FakeService, pauses: Pauses, status: int
) -> None:
    # Given two failures, the first of which says when to come back
    fake.failures = [httpx.Response(status, headers={"Retry-After": "7"}), httpx.Response(status)]
    # When / Then
    assert client.get("/v1/health")["status"] == "ok"
    assert len(pauses.taken) == 2
    assert 7 <= pauses.taken[0] < 8
    assert pauses.taken[1] < 1


def test_a_lost_connection_is_asked_again(client: Client, fake: FakeService) -> None:
    fake.failures = [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("gone")]
    assert client.get("/v1/health")["status"] == "ok"


def test_patience_ends_with_the_services_own_sentence(client: Client, fake: FakeService) -> None:
    fake.failures = [problem(503, "the queue is full") for _ in range(FAST.attempts)]
    with pytest.raises(ProblemError, match="the queue is full") as raised:
        client.get("/v1/health")
    assert raised.value.retryable
    assert len(fake.requests) == FAST.attempts


def test_a_service_that_fails_input_after_input_is_given_up(client: Client, fake: FakeService) -> None:
    fake.failures = [problem(503, "down") for _ in range(4 * FAST.attempts)]
    for _ in range(2):
        with pytest.raises(ProblemError):
            client.get("/v1/health")
    with pytest.raises(ServiceError, match=r"https://sky\.example keeps failing: down"):
        client.get("/v1/health")


def test_a_refusal_is_not_asked_again(client: Client, fake: FakeService) -> None:
    with pytest.raises(ProblemError, match="there is no GET /v1/nothing here"):
        client.get("/v1/nothing")
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (httpx.Response(403, json={"message": "Forbidden"}), "rejects the key in SKYSORT_API_KEY: .* 403: Forbidden"),
        (httpx.Response(301, headers={"Location": "https://new.example"}), "redirects to https://new.example"),
        (httpx.Response(200, text="<html>"), "did not return skysort's JSON"),
        (httpx.Response(200, json=[1]), "did not return skysort's JSON"),
        (httpx.ConnectError("certificate verify failed: self-signed"), "certificate is not trusted.*SSL_CERT_FILE"),
        (httpx.UnsupportedProtocol("no"), "the connection was lost"),
    ],
)
def test_what_every_request_would_meet_ends_the_command(
    client: Client, fake: FakeService, failure: httpx.Response | httpx.TransportError, sentence: str
) -> None:
    fake.failures = [failure]
    with pytest.raises(ServiceError, match=sentence):
        client.get("/v1/health")
    assert len(fake.requests) == 1


def test_without_a_key_the_sentence_says_how_to_give_one(fake: FakeService) -> None:
    fake.failures = [httpx.Response(401)]
    with (
        pytest.raises(ServiceError, match="requires a key: set SKYSORT_API_KEY"),
        Client(Endpoint("https://sky.example"), transport=fake.transport) as client,
    ):
        client.get("/v1/health")


def test_nobody_there_is_believed_after_three_attempts(client: Client, fake: FakeService) -> None:
    fake.failures = [httpx.ConnectError("[Errno 111] Connection refused")] * 10
    with pytest.raises(ServiceError, match=r"cannot reach https://sky\.example: connection refused"):
        client.get("/v1/health")
    assert len(fake.requests) == 3


def test_the_key_goes_to_the_service_and_not_to_its_store(client: Client, fake: FakeService) -> None:
    client.get("/v1/health")
    fake.failures = [httpx.Response(204)]
    client.signed("PUT", "https://store.example/a", content=b"x")
    assert [request.headers.get("x-api-key") for request in fake.requests] == ["secret", None]


def test_an_interrupted_command_asks_no_more(fake: FakeService) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        Client(ENDPOINT, stop=stop, transport=fake.transport).get("/v1/health")
    assert not fake.requests
