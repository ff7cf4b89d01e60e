"""Which service, and which key."""

from __future__ import annotations

import pytest

from skysort_cli.endpoint import Endpoint, find_endpoint
from skysort_cli.exits import UsageError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("https://x.example/prod", "https://x.example/prod"),
        ("https://x.example/prod/v1/", "https://x.example/prod"),
        (" https://x.example/v1 ", "https://x.example"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
    ],
)
def test_an_address_is_taken_with_and_without_its_version(text: str, url: str) -> None:
    assert find_endpoint(text, {}) == Endpoint(url)
    assert find_endpoint(None, {"SKYSORT_ENDPOINT": text}) == Endpoint(url)


@pytest.mark.parametrize(
    "text",
    [
        "localhost:8000",
        "ftp://x.example",
        "https://",
        "https://x:99999",
        "https://[x",
        "https://u:p@x.example",
        "https://x.example?a=1",
        "https://x.example#a",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--endpoint must be .* such as http://127\.0\.0\.1:8000"):
        find_endpoint(text, {})


def test_without_an_address_the_work_is_done_here() -> None:
    assert find_endpoint(None, {}) is None
    assert find_endpoint(None, {"SKYSORT_ENDPOINT": " "}) is None
    assert find_endpoint(None, {"SKYSORT_ENDPOINT": "https://x.example"}, in_process=True) is None


def test_the_key_comes_from_the_environment_and_is_not_shown() -> None:
    endpoint = find_endpoint("https://x.example", {"SKYSORT_API_KEY": " secret\n"})
    assert endpoint is not None
    assert endpoint.key == "secret"
    assert "secret" not in repr(endpoint)


def test_a_key_does_not_travel_in_clear_text() -> None:
    with pytest.raises(UsageError, match="unencrypted; use https"):
        find_endpoint("http://x.example", {"SKYSORT_API_KEY": "secret"})
    assert find_endpoint("http://localhost:1", {"SKYSORT_API_KEY": "secret"}) == Endpoint(
        "http://localhost:1", "secret"
    )


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "a\x00b"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="SKYSORT_API_KEY has characters"):
        find_endpoint("https://x.example", {"SKYSORT_API_KEY": key})
