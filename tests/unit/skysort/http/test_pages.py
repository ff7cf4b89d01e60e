"""Pages at other origins may read the answers of functions, and APIs lie below the path of a domain."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools.event_handler import Response

from skysort.errors import ConfigurationError, NotFoundError
from skysort.http.api import build_api, serve
from skysort.limits import LAMBDA_PAYLOAD_BYTES
from skysort.settings import BASE_PATH, PAGE_ORIGINS
from tests.factories import FakeContext, proxy_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PAGE = "https://sky.example.org"
WITH_A_PAGE = {PAGE_ORIGINS: json.dumps([PAGE, "https://d1234.cloudfront.net"])}


def answer(environment: dict[str, str], path: str = "/v1/health", *, origin: str | None = PAGE) -> dict[str, Any]:
    """The response of an API of three calls: one that works, one that refuses, one whose answer is too large."""
    api = build_api(environment)

    @api.get("/v1/health")
    def health() -> Response[str]:
        return Response(HTTPStatus.OK, "text/plain", "well")

    @api.get("/v1/refused")
    def refused() -> Response[str]:
        raise NotFoundError("there is no such batch")

    @api.get("/v1/large")
    def large() -> Response[str]:
        return Response(HTTPStatus.OK, "text/plain", "x" * LAMBDA_PAYLOAD_BYTES)

    event = proxy_event("GET", path, headers={"Origin": origin} if origin else {})
    return serve(api, event, cast("LambdaContext", FakeContext()))


def of_pages(response: dict[str, Any]) -> dict[str, list[str]]:
    return {name: value for name, value in response["multiValueHeaders"].items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/health", 200), ("/v1/refused", 404), ("/v1/large", 413), ("/v1/unknown", 404)]
)
def test_a_page_that_the_stage_names_may_read_every_answer(path: str, status: int) -> None:
    response = answer(WITH_A_PAGE, path)
    assert response["statusCode"] == status
    assert of_pages(response)["Access-Control-Allow-Origin"] == [PAGE]
    # Of headers, too: pages of a CSV follow Link, and Retry-After says when to ask again
    assert of_pages(response)["Access-Control-Expose-Headers"] == ["Content-Disposition,Link,Retry-After"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example.org", "https://sky.example.org.evil.net", None])
def test_no_other_page_may(origin: str | None) -> None:
    assert of_pages(answer(WITH_A_PAGE, origin=origin)) == {}


def test_without_a_page_elsewhere_nobody_is_told_of_origins() -> None:
    assert of_pages(answer({})) == {}


def test_an_api_below_a_path_of_a_domain_finds_its_calls() -> None:
    # Given a domain whose base path API Gateway leaves in the events
    below = {BASE_PATH: "astronomy"}
    # Then
    assert answer(below, "/astronomy/v1/health")["statusCode"] == 200
    # And the release hook, which calls the function itself, needs none
    assert answer(below, "/v1/health")["statusCode"] == 200
    assert answer(below, "/elsewhere/v1/health")["statusCode"] == 404


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({PAGE_ORIGINS: PAGE}, "must be a JSON list of origins"),
        ({PAGE_ORIGINS: '["*"]'}, "must be a JSON list of origins"),
        ({PAGE_ORIGINS: '["https://sky.example.org/page"]'}, "must be a JSON list of origins"),
        ({BASE_PATH: "a/b"}, "must be one part of a path, without slashes"),
    ],
)
def test_a_function_with_a_wrong_setting_does_not_start(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        build_api(environment)
