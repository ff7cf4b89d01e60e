"""Conditional writes of the S3 client, and what an attempt without an answer means for the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.errors import InfrastructureError, NotFoundError
from skysort.s3 import client as s3_client
from skysort.s3.client import Answer, S3Client
from skysort.s3.objects import ConflictError
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.s3.signature import Location

LOST = "lost"
MISSING = b"<Error><Code>NoSuchKey</Code></Error>"


class Scripted(S3Client):
    """Gives one answer after the other; LOST is a request that was never answered."""

    def __init__(self, *script: Answer | str) -> None:
        super().__init__(Addressing("eu-central-1"), Signer(Credentials("id", "secret"), "eu-central-1"))
        self._script = list(script)
        self.sent: list[tuple[str, dict[str, str], bytes]] = []

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None, body: bytes
    ) -> Answer:
        assert (location.bucket, dict(query)) == ("models", {})
        self.sent.append((method, dict(headers or {}), body))
        answer = self._script.pop(0)
        if isinstance(answer, str):
            raise ConnectionResetError(answer)
        return answer


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "_PAUSE_S", 0)


def put(client: S3Client, replaces: str | None = None) -> str:
    return client.put("models", "pointer", b"new", "application/json", replaces)


def test_conditions_are_headers() -> None:
    client = Scripted(Answer(200, b"", "e1"), Answer(200, b"", "e2"))
    assert (put(client), put(client, "e1")) == ("e1", "e2")
    assert client.sent == [
        ("PUT", {"content-type": "application/json", "if-none-match": "*"}, b"new"),
        ("PUT", {"content-type": "application/json", "if-match": '"e1"'}, b"new"),
    ]


@pytest.mark.parametrize("status", [412, 409])
def test_a_condition_that_does_not_hold_is_a_conflict_at_once(status: int) -> None:
    client = Scripted(Answer(status, b""))
    with pytest.raises(ConflictError, match="changed concurrently"):
        put(client)
    assert len(client.sent) == 1


def test_what_an_unanswered_attempt_wrote_is_no_conflict() -> None:
    """The connection broke after S3 had written: the second attempt finds the object there, as it was sent."""
    client = Scripted(LOST, Answer(412, b""), Answer(200, b"new", "e1"))
    assert put(client) == "e1"
    assert [method for method, _, _ in client.sent] == ["PUT", "PUT", "GET"]


@pytest.mark.parametrize("first", [LOST, Answer(503, b"")])
def test_what_another_wrote_after_an_unanswered_attempt_is_a_conflict(first: Answer | str) -> None:
    with pytest.raises(ConflictError):
        put(Scripted(first, Answer(412, b""), Answer(200, b"other", "e1")))


def test_an_object_that_is_gone_cannot_be_replaced() -> None:
    with pytest.raises(ConflictError, match="deleted concurrently"):
        put(Scripted(Answer(404, MISSING)), "e1")
    with pytest.raises(InfrastructureError, match="no bucket models") as raised:
        put(Scripted(Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")), "e1")
    assert not isinstance(raised.value, ConflictError)
    with pytest.raises(NotFoundError) as missing:
        Scripted(Answer(404, MISSING)).get("models", "pointer")
    assert missing.value.detail == "S3 has no /pointer"


def test_a_store_that_never_answers_is_a_fault_after_a_few_attempts() -> None:
    client = Scripted(LOST, Answer(500, b""), LOST)
    with pytest.raises(InfrastructureError, match="S3 did not answer PUT /pointer: ConnectionResetError"):
        put(client)


def test_a_document_is_read_again_only_if_it_changed() -> None:
    client = Scripted(Answer(304, b""), Answer(200, b"new", "e2"), Answer(404, MISSING))
    assert client.get_if_changed("models", "pointer", "e1") is None
    assert client.get_if_changed("models", "pointer", "e1") == (b"new", "e2")
    assert client.sent[0] == ("GET", {"if-none-match": '"e1"'}, b"")
    with pytest.raises(NotFoundError):
        client.get("models", "pointer")
