"""Servers on the loopback address answer this machine's programs and their own page, and no website."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto.backends import list_of_moto_modules

from infra.local import services
from infra.local.children import clean_environment
from infra.local.loopback import Visitors, visitors_only
from infra.local.services import plain_data, s3_and_sqs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PAGE = "http://127.0.0.1:8000"
VISITORS = Visitors.of(9000, 8000)


def ask(app: Any, method: str = "GET", **headers: str) -> tuple[str, dict[str, str], bytes]:
    """What a WSGI application answers to a request with these headers (`Sec_Fetch_Site` is Sec-Fetch-Site)."""
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "HTTP_HOST": "127.0.0.1:9000", "PATH_INFO": "/"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    begun: list[Any] = []
    body = b"".join(app(environ, lambda *line: begun.append(line[:2])))
    status, answered = begun[0][:2]
    return status, dict(answered), body


def store(_environ: Any, start_response: Any) -> Iterable[bytes]:
    """A store that lets everybody read it, as moto does unless it is told not to."""
    start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("ETag", '"1"')])
    return [b"stored"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:9000"},
        {"Host": "127.0.0.1.evil.example:9000"},
        {"Host": "localhost.evil.example:9000"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:9001"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"},
    ],
    ids=str,
)
def test_a_foreign_page_is_refused(headers: dict[str, str]) -> None:
    status, answered, body = ask(visitors_only(store, VISITORS), **headers)
    assert status == "403 Forbidden"
    assert not any(name.startswith("Access-Control") for name in answered)
    assert b"stored" not in body


def test_a_foreign_page_may_not_post_by_a_form_that_navigates() -> None:
    status, *_ = ask(visitors_only(store, VISITORS), "POST", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert status == "403 Forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:9000"},
        {"Host": "LocalHost:9000"},
        {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
    ids=str,
)
def test_programs_and_people_of_this_machine_are_answered(headers: dict[str, str]) -> None:
    status, answered, body = ask(visitors_only(store, VISITORS), **headers)
    assert (status, body) == ("200 OK", b"stored")
    assert answered == {"ETag": '"1"'}, "nobody else is told that it may read this"


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:8000"])
def test_the_stacks_own_page_may_read_answers(origin: str) -> None:
    status, answered, _ = ask(visitors_only(store, VISITORS), Origin=origin)
    assert status == "200 OK"
    assert answered["Access-Control-Allow-Origin"] == origin
    assert answered["Access-Control-Expose-Headers"] == "ETag"


def test_the_stacks_own_page_is_let_in_before_it_writes() -> None:
    status, answered, _ = ask(
        visitors_only(store, VISITORS), "OPTIONS", Origin=PAGE, Access_Control_Request_Headers="content-type"
    )
    assert status == "200 OK"
    assert "PUT" in answered["Access-Control-Allow-Methods"]
    assert answered["Access-Control-Allow-Headers"] == "content-type"


def test_a_name_may_stand_for_all_below_it() -> None:
    visitors = Visitors.of(5000, more=["*.localhost"])
    assert visitors.refusal("GET", "bucket.localhost:5000", "", "", "") is None
    assert visitors.refusal("GET", "localhost.evil.example:5000", "", "", "") is not None


def signature(service: str) -> str:
    """An Authorization header as the AWS command line writes it for a service."""
    return (
        f"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services of moto that answered, in order."""
    answered: list[str] = []

    def backend(service: str) -> Any:
        def app(_environ: Any, start_response: Any) -> Iterable[bytes]:
            answered.append(service)
            start_response("200 OK", [])
            return []

        return app

    monkeypatch.setattr(services, "create_backend_app", backend)
    return answered


@pytest.mark.parametrize("service", sorted(set(list_of_moto_modules()) - {"sqs"}))
def test_no_service_of_moto_but_s3_and_sqs_is_ever_made(asked: list[str], service: str) -> None:
    # Given the stack's services, When one is asked for in every way that moto looks at
    app = s3_and_sqs()
    ask(app, "POST", Authorization=signature(service))
    ask(app, "POST", X_Amz_Target=f"{service}.Run")
    ask(app, "POST", Host=f"{service}.us-east-1.amazonaws.com")
    ask(app, "POST", Authorization=signature(service).replace("aws4_request", "aws4_request, x/20260101/r/sqs/"))

    # Then S3 answers, which knows no such thing
    assert asked == ["s3"] * 4


def test_sqs_answers_what_is_signed_for_it(asked: list[str]) -> None:
    ask(s3_and_sqs(), "POST", Authorization=signature("sqs"))
    assert asked == ["sqs"]


def test_a_dropped_web_page_is_no_page_of_the_stores() -> None:
    status, answered, body = ask(plain_data(store))
    assert (status, body) == ("200 OK", b"stored")
    assert answered["Content-Security-Policy"].startswith("sandbox")
    assert "allow-scripts" not in answered["Content-Security-Policy"]
    assert answered["X-Content-Type-Options"] == "nosniff"


def test_a_child_of_the_stack_finds_no_engine_and_shares_nothing(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path)
    assert environment["DOCKER_HOST"].startswith("unix:///nonexistent")
    assert environment["MOTO_DISABLE_GLOBAL_CORS"] == "true"
