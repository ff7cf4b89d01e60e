"""What a foreign web page, or anything else on the machine, can do with the ports of `make run`: as a raw client."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from moto.backends import list_of_moto_modules

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

SERVICES = sorted(set(list_of_moto_modules()) - {"s3", "sqs"})


def ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of one request with exactly these headers, whatever a browser or a library would add."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def s3_port(stack: StartedStack) -> int:
    port = urlsplit(stack.s3).port
    assert port is not None
    return port


def signed_for(service: str) -> dict[str, str]:
    scope = f"20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential=a/{scope}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize(
    "foreign", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_no_service_answers_a_foreign_page(s3_port: int, foreign: dict[str, str]) -> None:
    for service in (*SERVICES, "s3", "sqs"):
        status, body = ask(s3_port, "POST", "/", {**signed_for(service), **foreign})
        assert (status, len(body) < 200) == (403, True), f"{service}: {body[:200]!r}"


def test_a_program_of_this_machine_finds_s3_where_it_asks_for_another_service(s3_port: int) -> None:
    for service in SERVICES:
        status, body = ask(s3_port, "GET", "/2015-03-31/functions/", signed_for(service))
        assert status == 404, service
        assert b"NoSuchBucket" in body, f"{service}: {body[:200]!r}"


@pytest.mark.parametrize("path", ["/moto-api", "/moto-api/data.json", "/moto-api/reset", "/latest/meta-data/iam/"])
def test_motos_own_switches_are_not_there(s3_port: int, path: str) -> None:
    status, body = ask(s3_port, "GET", path, {})
    assert status == 404
    assert b"NoSuchBucket" in body


def test_the_bucket_is_not_written_by_a_foreign_page(stack: StartedStack, s3_port: int) -> None:
    # Given a page that sends what needs no permission of the browser's
    path = "/skysort-drop-local/incoming/star/stolen/x.csv"
    headers = {"Origin": "http://evil.example", "Content-Type": "text/plain"}

    # When
    status, _ = ask(s3_port, "PUT", path, headers, b"u,g,r,i,z\n1,2,3,4,5\n")

    # Then
    assert status == 403
    assert ask(s3_port, "HEAD", path, {})[0] == 404, stack.state
