"""GIF files (GIF89a): the first frame, without the rest of the file."""

from __future__ import annotations

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import GIF_BLOCKS
from skysort.pictures.formats import prices
from skysort.pictures.formats.prepared import Prepared, check_pixels
from skysort.pictures.formats.prices import Cost

_SCREEN, _FRAME = 13, 9  # bytes of signature and logical screen (GIF89a, 17 and 18), and of a frame's header
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _CONTROL_BYTES = 0xF9, 4
_TABLE, _TRANSPARENT = 0x80, 1


def prepare(content: bytes) -> Prepared:
    """Extract a GIF's first frame; raises the errors of Prepared."""
    # The decoder gets no comments, no other frames, and no disposal, which would fill an area of any declared size.
    if len(content) < _SCREEN:
        raise MalformedInputError("the GIF picture is truncated: it ends before its first frame")
    walker = _Walker(content)
    offset = _SCREEN + _table_bytes(content[10])
    head, control = content[:offset], b""
    while True:
        kind = content[offset] if offset < len(content) else _TRAILER
        if kind == _IMAGE:
            return _first_frame(content, offset, head + control, walker)
        if kind == _TRAILER:
            raise MalformedInputError("the GIF picture holds no frame: it is truncated or incomplete")
        if kind == _EXTENSION:
            start = offset + 2
            offset = walker.blocks(start)
            block = content[start + 1 : start + 1 + _CONTROL_BYTES]
            if len(block) == _CONTROL_BYTES and content[start - 1] == _CONTROL:
                control = bytes([_EXTENSION, _CONTROL, 4, block[0] & _TRANSPARENT, 0, 0, block[3], 0])
        else:
            offset = walker.step(offset)  # decoders skip unknown bytes


def _first_frame(content: bytes, offset: int, front: bytes, walker: _Walker) -> Prepared:
    frame = content[offset + 1 : offset + 1 + _FRAME]
    if len(frame) < _FRAME:
        raise MalformedInputError("the GIF picture is truncated: it ends inside its first frame's header")
    left, upper, across, down = (int.from_bytes(frame[i : i + 2], "little") for i in (0, 2, 4, 6))
    width = max(int.from_bytes(content[6:8], "little"), left + across)
    height = max(int.from_bytes(content[8:10], "little"), upper + down)
    if width < 1 or height < 1 or across < 1 or down < 1:
        raise MalformedInputError(f"the GIF picture's size is {width} x {height}, its first frame's {across} x {down}")
    check_pixels("image/gif", width, height)
    data = offset + 1 + _FRAME + _table_bytes(frame[8]) + 1
    end = walker.blocks(data)
    work = across * down * prices.GIF_FRAME_PIXEL + width * height * prices.GIF_SCREEN_PIXEL
    work += (end - data) * prices.GIF_BYTE + walker.steps * prices.GIF_BLOCK
    file = front + content[offset:end] + bytes([_TRAILER])
    return Prepared(file, width, height, Cost(work, width * height * 2 + 2 * (end - offset)))


def _table_bytes(flags: int) -> int:
    """The size of a colour table in bytes, by its flags."""
    return 3 << (flags & 7) + 1 if flags & _TABLE else 0


class _Walker:
    """Walks a file's blocks, counting them against their limit."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.steps = 0

    def step(self, offset: int) -> int:
        """The offset of the next byte."""
        self.steps += 1
        if self.steps > GIF_BLOCKS:
            raise LimitExceededError(
                f"a GIF may have up to {GIF_BLOCKS:,} blocks before its first frame ends; this one has more"
            )
        return offset + 1

    def blocks(self, offset: int) -> int:
        """The end of a chain of sub-blocks (GIF89a, 15), or of a truncated file."""
        while offset < len(self._content):
            size = self._content[offset]
            offset = self.step(offset) + size
            if not size:
                break
        return min(offset, len(self._content))
