"""HTTP requests as API Gateway proxy events."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import ROOT
from infra.api.routes import Match, Route
from infra.local.events import EventBuilder, MediaTypes, Request, encode, header_name, media_type
from infra.stages.api import BINARY_MEDIA_TYPES

BUILDER = EventBuilder("local", 8000, BINARY_MEDIA_TYPES)
MATCH = Match(Route("POST", "/v1/classify/star", "star"))


def event(
    *,
    query: str = "",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    match: Match = MATCH,
    path: str = "/v1/classify/star",
) -> dict[str, Any]:
    request = Request("POST", path, query, headers or [], body, "127.0.0.1")
    built = BUILDER.event(request, match, "an-id")
    document: dict[str, Any] = json.loads(built.payload)
    return document


def test_the_event_has_the_fields_that_aws_documents() -> None:
    # Given the committed sample of what API Gateway sends
    sample = json.loads((ROOT / "events" / "star_row.json").read_text())
    # When the local gateway builds an event
    built = event()
    # Then it has all of the sample's fields
    assert sample.keys() <= built.keys()
    assert sample["requestContext"].keys() <= built["requestContext"].keys()


def test_path_and_stage_relate_as_in_aws() -> None:
    built = event()
    context = built["requestContext"]
    assert (built["path"], built["resource"]) == ("/v1/classify/star", "/v1/classify/star")
    assert (context["stage"], context["path"]) == ("local", "/local/v1/classify/star")
    assert context["requestId"] == "an-id"
    assert context["identity"]["sourceIp"] == "127.0.0.1"


def test_empty_parts_are_null() -> None:
    empty = {name for name, value in event().items() if value is None}
    assert empty == {
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    }


def test_path_parameters_and_resource_come_from_the_route() -> None:
    match = Match(Route("GET", "/v1/models/{name}", "control"), {"name": "star"})
    built = event(match=match, path="/v1/models/star")
    assert built["resource"] == built["requestContext"]["resourcePath"] == "/v1/models/{name}"
    assert built["pathParameters"] == {"name": "star"}


def test_headers_keep_every_value_and_the_last_one_singly() -> None:
    built = event(headers=[(b"x-tag", b"a"), (b"x-tag", b"b"), (b"user-agent", b"curl/8")])
    assert built["multiValueHeaders"]["X-Tag"] == ["a", "b"]
    assert built["headers"]["X-Tag"] == "b"
    assert built["requestContext"]["identity"]["userAgent"] == "curl/8"
    assert built["headers"]["X-Forwarded-Proto"] == "http"


def test_each_key_is_somebody_and_none_is_nobody() -> None:
    """API Gateway checks a key and tells its id; here any key will do, so that separate clients can be tried."""
    ids = [
        event(headers=headers)["requestContext"]["identity"]["apiKeyId"]
        for headers in ([(b"x-api-key", b"alice")], [(b"X-Api-Key", b"alice")], [(b"x-api-key", b"bob")], [])
    ]
    assert ids[0] == ids[1] != ids[2]
    assert ids[3] is None
    assert "alice" not in str(ids)


names = st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable())


@given(st.lists(st.tuples(names, st.text(max_size=12)), min_size=1, max_size=6))
def test_any_query_arrives_decoded(pairs: list[tuple[str, str]]) -> None:
    # Given any names and values, repeated ones among them
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    # When they come as a query string
    built = event(query=urlencode(pairs))
    # Then all values arrive, and the last of each name singly
    assert built["multiValueQueryStringParameters"] == expected
    assert built["queryStringParameters"] == {name: values[-1] for name, values in expected.items()}


@given(
    st.binary(min_size=1, max_size=200), st.sampled_from(["image/jpeg", "application/gzip", "multipart/form-data; b=1"])
)
def test_binary_bodies_travel_as_base64(body: bytes, content_type: str) -> None:
    built = event(headers=[(b"content-type", content_type.encode())], body=body)
    assert built["isBase64Encoded"] is True
    assert base64.b64decode(built["body"]) == body


@given(st.text(min_size=1, max_size=200), st.sampled_from(["application/json", "text/csv; charset=utf-8", ""]))
def test_text_bodies_travel_as_they_are(body: str, content_type: str) -> None:
    built = event(headers=[(b"content-type", content_type.encode())], body=body.encode())
    assert (built["body"], built["isBase64Encoded"]) == (body, False)


@given(
    st.binary(max_size=100),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    st.lists(st.tuples(st.binary(min_size=1, max_size=10), st.binary(max_size=20)), max_size=5),
)
def test_whatever_comes_becomes_json(body: bytes, query: str, headers: list[tuple[bytes, bytes]]) -> None:
    built = event(query=query, headers=headers, body=body)
    assert json.loads(encode(built)) == built


def test_undecodable_text_is_replaced_as_in_aws() -> None:
    assert event(headers=[(b"content-type", b"text/csv")], body=b"a\xffb")["body"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("header", "expected"),
    [("image/PNG", True), ("image/png;q=0.9, text/html", True), ("text/html, image/png", False), ("*/*", False)],
)
def test_the_first_media_type_of_a_header_counts(header: str, expected: bool) -> None:
    assert BUILDER.is_binary(header) is expected


def test_media_types_know_families() -> None:
    types = MediaTypes(["image/*", "application/gzip"])
    assert "image/anything" in types
    assert "imagex/png" not in types
    assert "application/json" not in types


def test_header_names_are_spelled_as_clients_do() -> None:
    assert header_name(b"x-amzn-trace-id") == "X-Amzn-Trace-Id"
    assert media_type(" Text/CSV ; charset=x") == "text/csv"
