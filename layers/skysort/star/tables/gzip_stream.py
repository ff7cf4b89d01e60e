"""gzip on the fly, in both directions and in constant memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import GZIP_MEMBERS, GZIP_RATIO, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort.drop.files import Sink

_GZIP: Final = 31  # zlib's window bits for a gzip header
_PIECE: Final = 2 * MIB
# zlib copies the input behind a member's end, so a member is fed a little at first and then twice as much each time:
# what is copied stays below twice what was read.
_FIRST: Final = 1024
_MOST: Final = 1 * MIB
# Level 1 takes a third of level 6's time for files a fifth larger (measured on SDSS rows).
_LEVEL: Final = 1


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip file, all its members, in pieces of at most 2 MiB.

    Time grows with the file's bytes however many members they are. Raises MalformedInputError when it is damaged or
    ends too early, and LimitExceededError for more members, or a greater expansion, than any table's.
    """
    unpacking = _Unpacking()
    for block in blocks:
        yield from unpacking.feed(block)
    if unpacking.pieces:
        yield unpacking.take()
    if unpacking.unfinished:
        raise MalformedInputError("the gzip file is cut short: it ends in the middle of its data")


class _Unpacking:
    """A gzip file on its way.

    pieces: what is unpacked and not handed on, below 2 MiB. unfinished: whether a member has begun and not ended.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.unfinished = True
        self._member = zlib.decompressobj(_GZIP)
        self._members = 1
        self._room = _PIECE
        self._feeding = _FIRST
        self._packed = 0
        self._unpacked = 0

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Take a block of the file; gives what of it makes whole pieces."""
        at = 0
        while at < len(block):
            part = block[at : at + self._feeding]
            at += len(part)
            self._packed += len(part)
            # A member that is full of input may still hold output back: ask on while there is either.
            while part:
                part = self._step(part)
                if self._room == 0:
                    yield self.take()

    def take(self) -> bytes:
        """What is unpacked and not handed on."""
        piece = b"".join(self.pieces)
        self.pieces.clear()
        self._room = _PIECE
        return piece

    def _step(self, data: bytes) -> bytes:
        """Unpack what fits into the piece; returns the input that is left."""
        if not self.unfinished:
            # Zeros may pad the last member to a tape's block; otherwise another member follows.
            data = data.lstrip(b"\0")
            if not data:
                return b""
            self._begin()
        try:
            piece = self._member.decompress(data, self._room)
        except zlib.error as error:
            raise MalformedInputError(f"the gzip data is damaged: {error}") from error
        if piece:
            self._keep(piece)
        self.unfinished = not self._member.eof
        self._feeding = min(2 * self._feeding, _MOST) if self.unfinished else _FIRST
        return self._member.unconsumed_tail if self.unfinished else self._member.unused_data

    def _begin(self) -> None:
        self._members += 1
        if self._members > GZIP_MEMBERS:
            raise LimitExceededError(f"the gzip file has more than {GZIP_MEMBERS:,} members; pack it as one")
        self._member, self.unfinished = zlib.decompressobj(_GZIP), True

    def _keep(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self._room -= len(piece)
        self._unpacked += len(piece)
        # The first pieces may be a table of few values, which packs well.
        if self._unpacked > max(GZIP_RATIO * self._packed, GZIP_RATIO * MIB):
            raise LimitExceededError(f"the gzip data grows more than {GZIP_RATIO}-fold when it is unpacked")


class GzipSink:
    """Gzips what is written to it; the header names neither time nor file, so equal content gives equal bytes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes; where they give nothing to write yet, the sink hears of it all the same."""
        self._sink.write(self._compressor.compress(data))

    def close(self) -> None:
        """Write what is left and the trailer."""
        self._sink.write(self._compressor.flush())
