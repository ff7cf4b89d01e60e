"""Every signature is the one that botocore makes of the same request."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import ConfigurationError
from skysort.s3.signature import Addressing, Credentials, Location, Signer, query_string

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 21, 10, 50, 20, tzinfo=UTC)
REGION = "eu-central-1"
# As S3 takes them: no lone surrogates, which have no UTF-8.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
KEYS = st.lists(TEXT, min_size=1, max_size=4).map("/".join)
TOKENS = st.sampled_from([None, "a/session+token=="])
ENDPOINTS = st.sampled_from([None, "http://127.0.0.1:9000"])


@contextmanager
def botocore_at_the_same_time() -> Iterator[None]:
    with patch("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None)):
        yield


def signer(token: str | None) -> Signer:
    return Signer(Credentials("AKIDEXAMPLE", "secret/key", token), REGION, lambda: NOW)


def botocore_credentials(token: str | None) -> BotocoreCredentials:
    return BotocoreCredentials("AKIDEXAMPLE", "secret/key", token)


@given(KEYS, st.dictionaries(TEXT, TEXT, max_size=3), TOKENS, ENDPOINTS)
def test_a_presigned_url_is_botocores(key: str, query: dict[str, str], token: str | None, endpoint: str | None) -> None:
    # Given a request for any key, with any query and a header that has to be sent
    where = Addressing(REGION, endpoint).locate("bucket", key)
    headers = {"content-length": "17"}
    # When both sign it
    url = signer(token).url("PUT", where, 3_600, query, headers)
    request = AWSRequest("PUT", f"{where.url}?{query_string(query)}", headers=headers)
    with botocore_at_the_same_time():
        auth.S3SigV4QueryAuth(botocore_credentials(token), "s3", REGION, expires=3_600).add_auth(request)
    # Then they say the same
    ours, theirs = urlsplit(url), urlsplit(str(request.url))
    assert (ours.netloc, ours.path) == (theirs.netloc, theirs.path)
    assert parse_qs(ours.query, keep_blank_values=True) == parse_qs(theirs.query, keep_blank_values=True)


@given(KEYS, TOKENS)
def test_a_requests_signature_is_botocores(key: str, token: str | None) -> None:
    where = Addressing(REGION).locate("bucket", key)
    query = {"uploadId": "a+b/c", "max-parts": "1000"}
    # When
    headers = signer(token).headers("GET", where, query, {"range": "bytes=0-9"})
    request = AWSRequest("GET", f"{where.url}?{query_string(query)}", headers={"range": "bytes=0-9"})
    with botocore_at_the_same_time():
        auth.S3SigV4Auth(botocore_credentials(token), "s3", REGION).add_auth(request)
    # Then
    assert headers["authorization"] == request.headers["Authorization"]


@given(KEYS, TOKENS)
def test_a_form_is_signed_as_botocore_signs_it(key: str, token: str | None) -> None:
    # When
    fields = signer(token).form(Addressing(REGION).locate("bucket"), key, "image/jpeg", 17, NOW + timedelta(hours=1))
    # Then its policy is signed as botocore signs a policy
    request = AWSRequest("POST", "https://bucket.s3.eu-central-1.amazonaws.com/")
    request.context["timestamp"] = "20261121T105020Z"
    theirs = auth.S3SigV4PostAuth(botocore_credentials(token), "s3", REGION)
    assert fields["x-amz-signature"] == theirs.signature(fields["policy"], request)
    # And it lets in this key, this type and this many bytes only
    policy: dict[str, Any] = json.loads(base64.b64decode(fields["policy"]))
    assert policy["expiration"] == "2026-11-21T11:50:20Z"
    for condition in ({"bucket": "bucket"}, {"key": key}, {"Content-Type": "image/jpeg"}):
        assert condition in policy["conditions"]
    assert ["content-length-range", 17, 17] in policy["conditions"]
    # And every field that S3 will see is among the conditions
    said = {name for condition in policy["conditions"] if isinstance(condition, dict) for name in condition}
    assert fields.keys() - {"policy", "x-amz-signature"} <= said


@pytest.mark.parametrize(
    ("endpoint", "key", "url"),
    [
        (None, "a b/ü", "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/%C3%BC"),
        (None, "", "https://bucket.s3.eu-central-1.amazonaws.com/"),
        ("http://127.0.0.1:9000", "a/../b", "http://127.0.0.1:9000/bucket/a/../b"),
        ("http://127.0.0.1:9000/", "", "http://127.0.0.1:9000/bucket"),
    ],
)
def test_buckets_are_addressed_by_host_at_aws_and_by_path_elsewhere(endpoint: str | None, key: str, url: str) -> None:
    found = Addressing(REGION, endpoint).locate("bucket", key)
    assert isinstance(found, Location)
    assert found.url == url


@pytest.mark.parametrize(
    "environment", [{}, {"AWS_ACCESS_KEY_ID": "a"}, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "b"}]
)
def test_without_credentials_the_function_does_not_start(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set"):
        Credentials.from_environment(environment)
