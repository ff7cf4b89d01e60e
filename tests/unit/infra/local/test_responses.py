"""What handlers return, as HTTP responses."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.api import gateway_problems
from infra.local import responses
from infra.local.responses import MalformedResponseError, Response, from_reply


def reply(*, accepts_binary: bool = False, **document: Any) -> Response:
    return from_reply(json.dumps(document).encode(), "an-id", accepts_binary=accepts_binary)


def values(response: Response, name: bytes) -> list[bytes]:
    return [value for key, value in response.headers if key.lower() == name]


@given(st.text(max_size=100), st.integers(200, 599).filter(lambda status: status not in {204, 205, 304}))
def test_status_and_body_arrive(body: str, status: int) -> None:
    response = reply(statusCode=status, body=body)
    assert (response.status, response.body) == (status, body.encode())
    assert values(response, b"content-length") == [str(len(body.encode())).encode()]
    assert values(response, b"x-amzn-requestid") == [b"an-id"]


def test_an_answer_without_a_type_is_json() -> None:
    assert values(reply(statusCode=200, body="{}"), b"content-type") == [b"application/json"]
    typed = reply(statusCode=200, headers={"Content-Type": "text/csv"}, body="a")
    assert values(typed, b"content-type") == [b"text/csv"]


def test_the_gateways_own_answers_are_what_they_say_and_for_nobody_else() -> None:
    response = responses.of_gateway("REQUEST_TOO_LARGE", "an-id", "12 MB")
    assert values(response, b"x-content-type-options") == [b"nosniff"]
    assert values(response, b"cache-control") == [b"no-store"]


def test_headers_are_merged_as_in_aws() -> None:
    # Given one header in both forms, and one in each
    response = reply(
        statusCode=200,
        headers={"X-Both": "single", "X-Count": 3, "X-Flag": True},
        multiValueHeaders={"x-both": ["a", "b"], "Set-Cookie": ["c=1", "d=2"]},
    )
    # Then the multi-value form wins
    assert values(response, b"x-both") == [b"a", b"b"]
    assert values(response, b"set-cookie") == [b"c=1", b"d=2"]
    assert values(response, b"x-count") == [b"3"]
    assert values(response, b"x-flag") == [b"true"]


def test_headers_of_the_connection_stay_the_gateways() -> None:
    # As API Gateway renames them, and drops those of a connection
    headers = {"Content-Length": "99", "Connection": "close", "WWW-Authenticate": "Basic", "Upgrade": "h2c"}
    response = reply(statusCode=200, headers=headers, body="ab")
    assert values(response, b"content-length") == [b"2"]
    assert [values(response, name) for name in (b"connection", b"www-authenticate", b"upgrade")] == [[], [], []]
    assert values(response, b"x-amzn-remapped-content-length") == [b"99"]
    assert values(response, b"x-amzn-remapped-www-authenticate") == [b"Basic"]


@given(st.binary(max_size=100))
def test_a_binary_body_is_decoded_only_for_who_accepts_it(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    answer = {"statusCode": 200, "body": text, "isBase64Encoded": True}
    assert reply(accepts_binary=True, **answer).body == content
    assert reply(accepts_binary=False, **answer).body == text.encode()


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_sends_none(status: int) -> None:
    response = reply(statusCode=status, body="ignored")
    assert response.body == b""
    assert values(response, b"content-type") == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "must return an object (got None"),
        ("text", "must return an object"),
        ([1], "must return an object"),
        ({}, "statusCode must be a whole number from 200 to 599 (got None"),
        ({"statusCode": 99}, "got 99"),
        ({"statusCode": True}, "got True"),
        ({"statusCode": "abc"}, "got 'abc'"),
        ({"statusCode": 200, "status": 1, "answer": 2}, "unknown keys: answer, status"),
        ({"statusCode": 200, "body": {"a": 1}}, "body must be a string (got dict"),
        ({"statusCode": 200, "headers": ["a"]}, "must be objects"),
        ({"statusCode": 200, "multiValueHeaders": {"A": "b"}}, "must have a list of values"),
        ({"statusCode": 200, "headers": {"A b": "c"}}, "HTTP does not allow"),
        ({"statusCode": 200, "headers": {"A": "b\r\nSet-Cookie: c"}}, "HTTP does not allow"),
        ({"statusCode": 200, "headers": {"A": None}}, "HTTP does not allow"),
        ({"statusCode": 200, "headers": {"A": "\u2605"}}, "HTTP does not allow"),
    ],
)
def test_malformed_answers_are_refused_with_a_sentence(answer: object, sentence: str) -> None:
    with pytest.raises(MalformedResponseError, match=re.escape(sentence)):
        from_reply(json.dumps(answer).encode(), "an-id", accepts_binary=False)


def test_a_broken_base64_body_is_refused() -> None:
    with pytest.raises(MalformedResponseError, match="not base64"):
        reply(accepts_binary=True, statusCode=200, body="%%%", isBase64Encoded=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)
proxy_like = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"), json_values),
)


@given(json_values | proxy_like, st.booleans())
def test_any_answer_is_a_response_or_malformed(answer: object, accepts_binary: bool) -> None:
    try:
        response = from_reply(json.dumps(answer).encode(), "an-id", accepts_binary=accepts_binary)
    except MalformedResponseError:
        return
    assert 200 <= response.status <= 599
    assert all(b"\n" not in value and b"\r" not in value for _, value in response.headers)


def test_problems_follow_rfc_9457() -> None:
    response = responses.problem(gateway_problems.NOT_FOUND, "Unknown path /x.", "an-id")
    assert response.status == 404
    assert values(response, b"content-type") == [b"application/problem+json"]
    assert json.loads(response.body) == {
        "type": "urn:skysort:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "Unknown path /x.",
        "request_id": "an-id",
    }


def test_too_large_names_the_limit_and_the_way_out() -> None:
    response = responses.of_gateway("REQUEST_TOO_LARGE", "an-id", responses.EVENT_TOO_LARGE, close=True)
    document = json.loads(response.body)
    assert response.status == 413
    assert "10 MB" in document["detail"]
    assert "drop folder" in document["detail"]
    assert "6 MB" in document["local"]
    assert values(response, b"connection") == [b"close"]
