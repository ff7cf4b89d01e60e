"""gzip (RFC 1952), reading and writing: whole bodies, the beginnings of files, and files in constant memory."""

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
# zlib copies the input after a member's end, so a member is fed little at first, then twice as much each time: that
# copies less than twice what is read.
_FIRST: Final = 1024
_LARGEST: Final = 1 * MIB
# Level 1 takes a third of level 6's time and makes files a fifth larger (measured on SDSS rows).
_LEVEL: Final = 1


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack a gzip file, all its members, in pieces of 2 MiB.

    The time is linear in the file's size, whatever the number of members.

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
    """Unpack the first bytes of gzipped content, fewer if it is truncated; raises as `gunzip` does for damage."""
    return _joined(_unpacked([content], max_members, lenient=True), size)


def resized(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of equal size, since every piece costs some work."""
    buffer = bytearray()
    for block in blocks:
        offset = size - len(buffer)
        buffer += block[:offset]
        while len(buffer) == size:
            yield bytes(buffer)
            buffer = bytearray(block[offset : offset + size])
            offset += size
    if buffer:
        yield bytes(buffer)


def _joined(pieces: Iterable[bytes], size: int, message: str | None = None) -> bytes:
    """The joined pieces, cut at a size, or with a message, which LimitExceededError is raised with beyond it."""
    joined: list[bytes] = []
    remaining = size
    for piece in pieces:
        joined.append(piece[:remaining])
        if len(piece) > remaining and message:
            raise LimitExceededError(message)
        remaining -= len(piece)
        if remaining <= 0 and not message:
            break
    return b"".join(joined)


def _unpacked(
    blocks: Iterable[bytes],
    max_members: int,
    *,
    bits: int = _GZIP_BITS,
    ratio: int = 0,
    lenient: bool = False,
) -> Iterator[bytes]:
    """The content in pieces of any size; lenient: allows a truncated end and trailing bytes."""
    member = zlib.decompressobj(bits)
    members, feeding, packed, size = 1, _FIRST, 0, 0
    for block in blocks:
        offset = 0
        while offset < len(block):
            part = block[offset : offset + feeding]
            offset += len(part)
            packed += len(part)
            # A decompressor may hold output back: go on while there is input or output.
            while part:
                if member.eof:
                    # Zeros may pad the last member to a tape's block; otherwise another member follows.
                    part = part.lstrip(b"\0")
                    if not part:
                        break
                    if lenient and not block.startswith(GZIP, offset - len(part)):
                        return
                    members += 1
                    member = _decompressor(members, max_members, bits)
                piece = _piece(member, part)
                size += len(piece)
                # Small content of few values may compress better.
                if ratio and size > ratio * max(packed, MIB):
                    raise LimitExceededError(f"the gzip data expands more than {ratio}-fold")
                if piece:
                    yield piece
                part = member.unused_data if member.eof else member.unconsumed_tail
                feeding = _FIRST if member.eof else min(2 * feeding, _LARGEST)
    if not member.eof and not lenient:
        raise MalformedInputError("the compressed data is truncated")


def _decompressor(member: int, max_members: int, bits: int) -> Any:
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
    """A writable file."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take some bytes."""


class GzipSink:
    """Gzips what is written to it; the header has no time or file name, so equal content gives equal bytes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_BITS)

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes; the sink is called even if the compressor returns none yet."""
        self._sink.write(self._compressor.compress(data))

    def close(self) -> None:
        """Write the rest and the trailer."""
        self._sink.write(self._compressor.flush())
