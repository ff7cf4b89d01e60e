"""The sandbox's own parts, in this process: frames, context and error documents."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST_ID = "12345678-1234-1234-1234-123456789012"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, sandbox.Channel]]:
    """The pool's socket, and a sandbox's channel on the other end."""
    ours, theirs = socket.socketpair()
    channel = sandbox.Channel(theirs.detach())
    yield ours, channel
    ours.close()
    channel.close()


def frame(event: bytes, deadline: float = 5.5) -> bytes:
    return sandbox.INVOKE.pack(len(event), deadline, REQUEST_ID.encode()) + event


@given(st.binary(max_size=300), st.integers(1, 80))
def test_a_frame_arrives_whole_however_it_is_cut(event: bytes, size: int) -> None:
    ours, theirs = socket.socketpair()
    channel = sandbox.Channel(theirs.detach())
    with ours:
        data = frame(event)
        for start in range(0, len(data), size):
            ours.send(data[start : start + size])
        assert channel.receive() == (REQUEST_ID, 5.5, event)
    channel.close()


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_pool_that_hangs_up_ends_the_conversation(ends: tuple[socket.socket, sandbox.Channel], cut: int) -> None:
    ours, channel = ends
    ours.send(frame(b"x" * 50)[:cut])
    ours.close()
    assert channel.receive() is None


def serve(ends: tuple[socket.socket, sandbox.Channel], handler: Any, event: bytes) -> tuple[bytes, Any]:
    ours, channel = ends
    ours.send(frame(event, time.time() + 60))
    ours.shutdown(socket.SHUT_WR)
    sandbox.serve(channel, handler, sandbox.PeakMemory())
    data = ours.recv(65_536)
    size, kind, milliseconds, memory_kib = sandbox.REPLY.unpack_from(data)
    payload = data[sandbox.REPLY.size :]
    assert len(payload) == size
    assert milliseconds >= 0
    assert memory_kib > 1000
    return kind, json.loads(payload)


@pytest.fixture(autouse=True)
def _lambda_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME"):
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", name)
    monkeypatch.setenv("SKYSORT_LOCAL_FUNCTION_ARN", "arn:aws:lambda")


def test_a_handler_gets_event_and_context(ends: tuple[socket.socket, sandbox.Channel]) -> None:
    def handler(event: Any, context: Any) -> Any:
        left = context.get_remaining_time_in_millis()
        return [event, context.aws_request_id, context.function_name, 55_000 < left <= 60_000]

    kind, payload = serve(ends, handler, b'{"a": 1}')
    assert kind == sandbox.RESULT
    assert payload == [{"a": 1}, REQUEST_ID, "FUNCTION_NAME", True]


def test_an_answer_is_as_long_as_the_runtime_client_would_make_it() -> None:
    """UTF-8, with a space behind each comma and colon: simplejson's defaults (tests/container/test_answers.py)."""
    assert sandbox.encode({"statusCode": 200, "body": "é\n银"}) == '{"statusCode": 200, "body": "é\\n银"}'.encode()


def test_an_error_is_an_answer_and_stands_in_the_log(
    ends: tuple[socket.socket, sandbox.Channel], capsys: pytest.CaptureFixture[str]
) -> None:
    def handler(_event: Any, _context: Any) -> Any:
        raise KeyError("u")

    kind, payload = serve(ends, handler, b"{}")
    assert kind == sandbox.ERROR
    assert (payload["errorType"], payload["errorMessage"]) == ("KeyError", "'u'")
    assert f"[ERROR] RequestId: {REQUEST_ID}" in capsys.readouterr().err


@pytest.mark.parametrize("result", [{1, 2}, object(), b"bytes"])
def test_an_answer_that_is_no_json_is_an_error(
    ends: tuple[socket.socket, sandbox.Channel], result: object, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, payload = serve(ends, lambda _event, _context: result, b"{}")
    assert kind == sandbox.ERROR
    assert payload["errorType"] == "TypeError"
    assert "not JSON serializable" in capsys.readouterr().err


def test_no_time_is_left_after_the_deadline() -> None:
    assert sandbox.LambdaContext(REQUEST_ID, time.time() - 1).get_remaining_time_in_millis() == 0
