"""gzip (RFC 1952) in both directions: whole bodies, the beginnings of files, and files in constant memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import GZIP_MEMBERS, GZIP_RATIO, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP: Final = b"\x1f\x8b"
# zlib's window bits: for a gzip header, for zlib's own.
_GZIP_BITS: Final = 31
_ZLIB_BITS: Final = 15
_PIECE: Final = 2 * MIB
# zlib copies the input behind a member's end, so a member is fed a little at first and then twice as much each time:
# what is copied stays below twice what was read.
_FIRST: Final = 1024
_LARGEST: Final = 1 * MIB
# Level 1 takes a third of level 6's time for files a fifth larger (measured on SDSS rows).
_LEVEL: Final = 1


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack a gzip file, all its members, in pieces of 2 MiB.

    Time grows with the file's bytes however many members they are.

    Parameters
    ----------
    blocks
        The file, in pieces of any size.

    Returns
    -------
    The content; reading it raises MalformedInputError for a file that is damaged or ends too early, and
    LimitExceededError for more members, or a greater expansion, than any table's.
    """
    return resized(_unpacked(blocks, GZIP_MEMBERS, ratio=GZIP_RATIO), _PIECE)


def unpacked(body: bytes, max_bytes: int, max_members: int, *, zlib_header: bool = False) -> bytes:
    """Unpack a whole body; raises as `gunzip` does, and LimitExceededError beyond max_bytes or max_members."""
    pieces = _unpacked([body], max_members, bits=_ZLIB_BITS if zlib_header else _GZIP_BITS)
    return _joined(pieces, max_bytes, f"the content unpacks to more than {max_bytes // MIB} MB")


def beginning(content: bytes, size: int, max_members: int) -> bytes:
    """Unpack the first bytes of gzipped content, fewer where it is cut short; raises as `gunzip` does where damaged."""
    return _joined(_unpacked([content], max_members, lenient=True), size)


def resized(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of one size: work is done a piece, so that many small ones would cost more."""
    waiting = bytearray()
    for block in blocks:
        at = size - len(waiting)
        waiting += block[:at]
        while len(waiting) == size:
            yield bytes(waiting)
            waiting = bytearray(block[at : at + size])
            at += size
    if waiting:
        yield bytes(waiting)


def _joined(pieces: Iterable[bytes], size: int, refusal: str | None = None) -> bytes:
    """The pieces up to a size, beyond which a LimitExceededError is raised where there is a sentence for it."""
    taken: list[bytes] = []
    room = size
    for piece in pieces:
        taken.append(piece[:room])
        if len(piece) > room and refusal:
            raise LimitExceededError(refusal)
        room -= len(piece)
        if room <= 0 and not refusal:
            break
    return b"".join(taken)


def _unpacked(
    blocks: Iterable[bytes],
    max_members: int,
    *,
    bits: int = _GZIP_BITS,
    ratio: int = 0,
    lenient: bool = False,
) -> Iterator[bytes]:
    """The content in pieces of any size; lenient: with an end too early, and with anything behind the last member."""
    member = zlib.decompressobj(bits)
    members, feeding, packed, size = 1, _FIRST, 0, 0
    for block in blocks:
        at = 0
        while at < len(block):
            part = block[at : at + feeding]
            at += len(part)
            packed += len(part)
            # A member that is full of input may still hold output back: ask on while there is either.
            while part:
                if member.eof:
                    # Zeros may pad the last member to a tape's block; otherwise another member follows.
                    part = part.lstrip(b"\0")
                    if not part:
                        break
                    if lenient and not block.startswith(GZIP, at - len(part)):
                        return
                    members += 1
                    member = _begun(members, max_members, bits)
                piece = _piece(member, part)
                size += len(piece)
                # The first pieces may be a table of few values, which packs well.
                if ratio and size > ratio * max(packed, MIB):
                    raise LimitExceededError(f"the gzip data grows more than {ratio}-fold when it is unpacked")
                if piece:
                    yield piece
                part = member.unused_data if member.eof else member.unconsumed_tail
                feeding = _FIRST if member.eof else min(2 * feeding, _LARGEST)
    if not member.eof and not lenient:
        raise MalformedInputError("the compressed data is cut short: it ends in the middle")


def _begun(member: int, max_members: int, bits: int) -> Any:
    if member > max_members:
        raise LimitExceededError(f"the gzip data has more than {max_members:,} members; compress it as one")
    return zlib.decompressobj(bits)


def _piece(member: Any, part: bytes) -> bytes:
    try:
        piece: bytes = member.decompress(part, _PIECE)
    except zlib.error as error:
        raise MalformedInputError(f"the compressed data is damaged: {error}") from None
    return piece


class Sink(Protocol):
    """Where bytes go, in order."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take some bytes."""


class GzipSink:
    """Gzips what is written to it; the header names neither time nor file, so equal content gives equal bytes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_BITS)

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes; where they give nothing to write yet, the sink hears of it all the same."""
        self._sink.write(self._compressor.compress(data))

    def close(self) -> None:
        """Write what is left and the trailer."""
        self._sink.write(self._compressor.flush())
