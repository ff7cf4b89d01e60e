"""GIF files (GIF89a): the first frame of one, cut out of whatever else the file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import GIF_BLOCKS, IMAGE_PIXELS
from skysort.pictures.formats import prices
from skysort.pictures.formats.budget import Cost
from skysort.pictures.formats.prepared import Prepared

if TYPE_CHECKING:
    from skysort.pictures.formats.budget import Budget

_SCREEN: Final = 13  # bytes of signature and logical screen (GIF89a, 17 and 18)
_FRAME: Final = 9
_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_CONTROL: Final = 0xF9
_TABLE: Final = 0x80
_TRANSPARENT: Final = 1
_CONTROL_BYTES: Final = 4


def prepare(content: bytes, _budget: Budget | None = None) -> Prepared:
    """Find the first frame; see Prepared.

    What the decoder is given has no disposal, which would have an area as large as the file says filled, no comments
    and no other frames. Raises MalformedInputError where there is no frame, and LimitExceededError for more pixels or
    blocks than may be.
    """
    if len(content) < _SCREEN:
        raise MalformedInputError("the GIF picture is truncated: it ends before its first frame")
    walker = _Walker(content)
    at = _SCREEN + _table_bytes(content[10])
    head = content[:at]
    control = b""
    while True:
        kind = content[at] if at < len(content) else _TRAILER
        if kind == _IMAGE:
            return _first_frame(content, at, head, control, walker)
        if kind == _TRAILER:
            raise MalformedInputError("the GIF picture holds no frame: it is truncated, or was never finished")
        if kind == _EXTENSION:
            start = at + 2
            at = walker.blocks(start)
            block = content[start + 1 : start + 1 + _CONTROL_BYTES]
            if content[start - 1 : start] == bytes([_CONTROL]) and len(block) == _CONTROL_BYTES:
                control = bytes([_EXTENSION, _CONTROL, 4, block[0] & _TRANSPARENT, 0, 0, block[3], 0])
        else:
            at = walker.step(at)  # decoders pass over what is no block


def _first_frame(content: bytes, at: int, head: bytes, control: bytes, walker: _Walker) -> Prepared:
    frame = content[at + 1 : at + 1 + _FRAME]
    if len(frame) < _FRAME:
        raise MalformedInputError("the GIF picture is truncated: it ends inside its first frame's header")
    left, upper, across, down = (int.from_bytes(frame[i : i + 2], "little") for i in (0, 2, 4, 6))
    width = max(int.from_bytes(content[6:8], "little"), left + across)
    height = max(int.from_bytes(content[8:10], "little"), upper + down)
    if width < 1 or height < 1 or across < 1 or down < 1:
        raise MalformedInputError(f"the GIF picture's size is {width} x {height}, its first frame's {across} x {down}")
    if width * height > IMAGE_PIXELS:
        raise LimitExceededError(
            f"a picture of type image/gif may have up to {IMAGE_PIXELS:,} pixels, this one has {width} x {height}"
        )
    data = at + 1 + _FRAME + _table_bytes(frame[8]) + 1
    end = walker.blocks(data)
    work = (
        across * down * prices.GIF_FRAME_PIXEL
        + width * height * prices.GIF_SCREEN_PIXEL
        + (end - data) * prices.GIF_BYTE
        + walker.steps * prices.GIF_BLOCK
    )
    file = head + control + content[at:end] + bytes([_TRAILER])
    return Prepared(file, width, height, Cost(work, width * height * 2 + 2 * (end - at)))


def _table_bytes(flags: int) -> int:
    """Bytes of a colour table, by the flags that tell of it."""
    return 3 << (flags & 7) + 1 if flags & _TABLE else 0


class _Walker:
    """Steps over a file's blocks, and how many there may be."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.steps = 0

    def step(self, at: int) -> int:
        """The next byte."""
        self.steps += 1
        if self.steps > GIF_BLOCKS:
            raise LimitExceededError(
                f"a GIF may have up to {GIF_BLOCKS:,} blocks before its first frame ends, this one has more"
            )
        return at + 1

    def blocks(self, at: int) -> int:
        """The end of a chain of sub-blocks (GIF89a, 15), or of the file where it is cut short."""
        content = self._content
        while at < len(content):
            size = content[at]
            at = self.step(at) + size
            if not size:
                break
        return min(at, len(content))
