"""Gzipped content (RFC 1952) of one member or of many, as bgzip and programs that pack in pieces write it."""

from __future__ import annotations

import zlib
from typing import Final

from skysort.errors import LimitExceededError
from skysort.limits import FITS_GZIP_MEMBERS
from skysort.pictures.formats.sniff import GZIP

_GZIP_BITS: Final = 31
# What stands behind a member is copied as often as one ends.
_PIECE: Final = 64 * 1024


def unpacked(content: bytes, most: int) -> bytes:
    """The first bytes of gzipped content, at most so many, and fewer where it is cut short; what follows it is left.

    Raises zlib.error for damaged data, and LimitExceededError for more members than may be.
    """
    pieces: list[bytes] = []
    at = members = 0
    while most and content.startswith(GZIP, at):
        members += 1
        if members > FITS_GZIP_MEMBERS:
            raise LimitExceededError(f"a gzipped FITS file may have up to {FITS_GZIP_MEMBERS:,} members, this has more")
        member = zlib.decompressobj(_GZIP_BITS)
        while most and not member.eof and at < len(content):
            piece = content[at : at + _PIECE]
            pieces.append(member.decompress(piece, most))
            most -= len(pieces[-1])
            at += len(piece) - len(member.unused_data)
    return b"".join(pieces)
