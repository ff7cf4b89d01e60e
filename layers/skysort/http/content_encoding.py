"""Bodies that a client has compressed (RFC 9110, 8.4), unpacked within a limit."""

from __future__ import annotations

from typing import Final

from skysort.errors import MalformedInputError, UnsupportedFormatError
from skysort.gzip_stream import GZIP, unpacked
from skysort.limits import GATEWAY_REQUEST_BYTES

# What gzip's first bytes become when a gateway decodes them as text.
_GARBLED_GZIP: Final = b"\x1f\xef\xbf\xbd"
# Per body; programs that write gzip in pieces write a few.
_MEMBERS: Final = 16
_NAMES: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def decoded(body: bytes, encoding: str) -> bytes:
    """Decompress a request body.

    Parameters
    ----------
    encoding
        The Content-Encoding header. A body that is not compressed in spite of it is returned unchanged: API Gateway
        decompresses bodies itself and leaves the header.

    Returns
    -------
    The bytes, GATEWAY_REQUEST_BYTES at most.

    Raises
    ------
    UnsupportedFormatError
        For an unsupported encoding.
    MalformedInputError
        For damaged data.
    LimitExceededError
        For a body that unpacks to more than GATEWAY_REQUEST_BYTES.
    """
    name = encoding.strip().lower()
    if name not in _NAMES:
        raise UnsupportedFormatError(
            f"unsupported Content-Encoding {name!r:.60}; send the body uncompressed, or with gzip or deflate"
        )
    if name in {"", "identity"} or not body:
        return body
    if body.startswith(GZIP):
        return unpacked(body, GATEWAY_REQUEST_BYTES, _MEMBERS)
    if body.startswith(_GARBLED_GZIP):
        raise MalformedInputError(
            "the compressed body was decoded as text in transit, which corrupted it; send it uncompressed"
        )
    if name == "deflate" and _is_zlib(body):
        return unpacked(body, GATEWAY_REQUEST_BYTES, _MEMBERS, zlib_header=True)
    return body


def packed(body: bytes, encoding: str) -> bool:
    """Whether a gateway has to decompress a body: the header says so, and the bytes agree."""
    name = encoding.strip().lower()
    return name not in {"", "identity"} and (
        name not in _NAMES or body.startswith(GZIP) or (name == "deflate" and _is_zlib(body))
    )


def _is_zlib(body: bytes) -> bool:
    """Whether a body begins with zlib's header (RFC 1950, 2.2)."""
    return len(body) > 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004
