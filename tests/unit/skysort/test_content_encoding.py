"""Compressed bodies, unpacked within a limit."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.http.content_encoding import decoded, packed
from skysort.limits import GATEWAY_REQUEST_BYTES, MIB

BODY = b'{"u": 19, "g": 18, "r": 17, "i": 17, "z": 17}'


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), " GZIP "),
        (gzip.compress(BODY), "x-gzip"),
        (gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]) + bytes(512), "gzip"),
        (zlib.compress(BODY), "deflate"),
    ],
)
def test_a_compressed_body_is_unpacked(body: bytes, encoding: str) -> None:
    assert packed(body, encoding)
    assert decoded(body, encoding) == BODY


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate"])
def test_a_body_that_its_gateway_has_unpacked_is_taken_as_it_is(encoding: str) -> None:
    assert decoded(BODY, encoding) == BODY
    assert not packed(BODY, encoding)


@pytest.mark.parametrize(
    ("body", "encoding", "error", "says"),
    [
        (BODY, "br", UnsupportedFormatError, "unsupported Content-Encoding 'br'; send the body uncompressed"),
        (BODY, "gzip, gzip", UnsupportedFormatError, "Content-Encoding"),
        (gzip.compress(BODY)[:-9], "gzip", MalformedInputError, "truncated"),
        (gzip.compress(BODY)[:-8] + bytes(8), "gzip", MalformedInputError, "damaged"),
        (gzip.compress(BODY).decode("utf-8", "replace").encode(), "gzip", MalformedInputError, "decoded as text"),
        (gzip.compress(b"") * 17, "gzip", LimitExceededError, "more than 16 members"),
        (gzip.compress(bytes(GATEWAY_REQUEST_BYTES + 1)), "gzip", LimitExceededError, "more than 10 MB"),
        (gzip.compress(bytes(6 * MIB)) * 2, "gzip", LimitExceededError, "more than 10 MB"),
        (zlib.compress(bytes(GATEWAY_REQUEST_BYTES + 1)), "deflate", LimitExceededError, "more than 10 MB"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_with_a_sentence(
    body: bytes, encoding: str, error: type[InputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        decoded(body, encoding)


def test_the_largest_body_is_unpacked() -> None:
    assert len(decoded(gzip.compress(bytes(GATEWAY_REQUEST_BYTES)), "gzip")) == GATEWAY_REQUEST_BYTES


@given(st.sampled_from([b"\x1f\x8b\x08\x00", b"\x78\x9c"]), st.binary(max_size=40))
def test_any_bytes_are_unpacked_or_refused(head: bytes, body: bytes) -> None:
    for encoding in ("gzip", "deflate"):
        with contextlib.suppress(InputError):
            decoded(head + body, encoding)
