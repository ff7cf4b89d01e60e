"""Bodies that a client has compressed (RFC 9110, 8.4), unpacked within a limit."""

from __future__ import annotations

import zlib
from typing import Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import GATEWAY_REQUEST_BYTES, MIB

_GZIP: Final = b"\x1f\x8b"
# What gzip's first bytes become where a gateway takes them for text.
_GARBLED_GZIP: Final = b"\x1f\xef\xbf\xbd"
# zlib's window bits: for a gzip header, for zlib's own.
_GZIP_BITS: Final = 31
_ZLIB_BITS: Final = 15
# Of one body; programs that write gzip in pieces write a few.
_MEMBERS: Final = 16
_NAMES: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


def decoded(body: bytes, encoding: str) -> bytes:
    """A request body as it was before its client compressed it.

    Parameters
    ----------
    encoding
        The Content-Encoding header. A body that is not compressed in spite of it is taken as it is: API Gateway
        unpacks bodies itself and leaves the header.

    Raises
    ------
    UnsupportedFormatError
        For an encoding that is not read.
    MalformedInputError
        For damaged data.
    LimitExceededError
        For a body that unpacks to more than GATEWAY_REQUEST_BYTES.
    """
    name = encoding.strip().lower()
    if name not in _NAMES:
        raise UnsupportedFormatError(
            f"the Content-Encoding {name!r:.60} is not read; send the body as it is, or with gzip or deflate"
        )
    if name in {"", "identity"} or not body:
        return body
    if body.startswith(_GZIP):
        return _unpacked(body, _GZIP_BITS)
    if body.startswith(_GARBLED_GZIP):
        raise MalformedInputError(
            "the body was compressed, and was taken for text on its way here, which broke it; send it as it is"
        )
    if name == "deflate" and _is_zlib(body):
        return _unpacked(body, _ZLIB_BITS)
    return body


def packed(body: bytes, encoding: str) -> bool:
    """Whether a gateway has to unpack a body: it is compressed, and says so."""
    name = encoding.strip().lower()
    return name not in {"", "identity"} and (
        name not in _NAMES or body.startswith(_GZIP) or (name == "deflate" and _is_zlib(body))
    )


def _is_zlib(body: bytes) -> bool:
    """Whether a body begins with zlib's header (RFC 1950, 2.2)."""
    return len(body) > 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004


def _unpacked(body: bytes, bits: int) -> bytes:
    pieces: list[bytes] = []
    room = GATEWAY_REQUEST_BYTES
    for _ in range(_MEMBERS):
        member = zlib.decompressobj(bits)
        try:
            piece = member.decompress(body, room + 1)
        except zlib.error as error:
            raise MalformedInputError(f"the body says that it is compressed, and is damaged: {error}") from None
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            raise LimitExceededError(f"the body unpacks to more than {GATEWAY_REQUEST_BYTES // MIB} MB")
        if not member.eof:
            raise MalformedInputError("the body says that it is compressed, and is cut short")
        body = member.unused_data.lstrip(b"\0")
        if not body:
            return b"".join(pieces)
    raise MalformedInputError(f"the body is compressed in more than {_MEMBERS} pieces; compress it as one")
