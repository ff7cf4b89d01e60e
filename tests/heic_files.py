"""HEIC files made by arithmetic: HEVC pictures of raw samples (ITU-T H.265, 7.3.8.7), in the boxes of ISO/IEC 23008-12.

No encoder is needed: each block of 16 x 16 pixels says that its samples follow as they are, and between such blocks the
arithmetic coder of HEVC (9.3.4) writes two symbols.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLOCK = 16
# Ranges of the less probable symbol in the states that only ever met the probable one, at full range (table 9-52).
RANGES = (
    "240 227 216 205 195 185 175 166 158 150 142 135 128 122 116 110 104 99 94 89 85 80 76 72 69 65 62 59 56 53 50 48 "
    "45 43 41 39 37 35 33 31 30 28 27 25 24 23 22 21 20 19 18 17 16 15 14 14 13 12 12 11 11 10 9"
)
LESS_PROBABLE = [int(one) for one in RANGES.split()]
SRGB = b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80)  # BT.601's matrix and the full range, as JPEGs have them


class Bits:
    """Bits one after another, the highest first."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def put(self, value: int, count: int) -> Bits:
        self.bits += [value >> place & 1 for place in range(count - 1, -1, -1)]
        return self

    def golomb(self, *values: int) -> Bits:
        """Unsigned Exp-Golomb numbers (9.2); 0 is the same signed."""
        for value in values:
            size = (value + 1).bit_length()
            self.put(value + 1, 2 * size - 1)
        return self

    def align(self, stop: int | None = None) -> Bits:
        if stop is not None:
            self.put(stop, 1)
        return self.put(0, -len(self.bits) % 8)

    def data(self) -> bytes:
        return np.packbits(np.array(self.bits, np.uint8)).tobytes()


class Coder:
    """The arithmetic coder, as far as it is needed here (9.3.4.2)."""

    def __init__(self, out: Bits) -> None:
        self.out, self.state = out, 0
        self.start()

    def start(self) -> None:
        self.low, self.range, self.outstanding, self.first = 0, 510, 0, True

    def probable(self) -> None:
        """The one symbol with a context, at full range."""
        assert self.range >> 6 & 3 == 3
        self.range -= LESS_PROBABLE[self.state]
        self.state = min(self.state + 1, 62)
        self.renew()

    def terminate(self, last: int) -> None:
        self.range -= 2
        if last:
            self.low += self.range
            self.range = 2
            self.renew()
            self.bit(self.low >> 9 & 1)
            self.out.put(self.low >> 7 & 3 | 1, 2)
        else:
            self.renew()

    def renew(self) -> None:
        while self.range < 256:
            if self.low < 256:
                self.bit(0)
            elif self.low >= 512:
                self.low -= 512
                self.bit(1)
            else:
                self.low -= 256
                self.outstanding += 1
            self.range <<= 1
            self.low <<= 1

    def bit(self, value: int) -> None:
        if self.first:
            self.first = False
        else:
            self.out.put(value, 1)
        self.out.bits += [1 - value] * self.outstanding
        self.outstanding = 0


def unit(kind: int, payload: bytes) -> bytes:
    """A unit of HEVC, with bytes that keep it from looking like a start code (7.3.1)."""
    out, zeros = bytearray([kind << 1, 1]), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def profile(out: Bits, bits: int) -> Bits:
    out.put(0, 3).put(1 if bits == 8 else 2, 5).put(0x60000000, 32)
    return out.put(0b1001, 4).put(0, 44).put(120, 8)


def parameter_sets(width: int, height: int, bits: int = 8, *, grey: bool = False) -> dict[int, bytes]:
    """Parameter sets of video, sequence and picture, by the type of their unit (7.3.2)."""
    across, down = -(-width // BLOCK) * BLOCK, -(-height // BLOCK) * BLOCK
    video = profile(Bits().put(0, 4).put(3, 2).put(0, 6).put(0, 3).put(1, 1).put(0xFFFF, 16), bits)
    video.put(1, 1).golomb(0, 0, 0).put(0, 6).golomb(0).put(0, 2).align(1)
    step = 1 if grey else 2
    sequence = profile(Bits().put(0, 4).put(0, 3).put(1, 1), bits).golomb(0, 0 if grey else 1, across, down)
    sequence.put(1, 1).golomb(0, (across - width) // step, 0, (down - height) // step)
    sequence.golomb(bits - 8, bits - 8, 0).put(1, 1).golomb(0, 0, 0, 1, 0, 0, 2, 0, 0).put(0, 3)
    sequence.put(1, 1).put(bits - 1, 4).put(bits - 1, 4).golomb(1, 0).put(1, 1).golomb(0).put(0, 5).align(1)
    picture = Bits().golomb(0, 0).put(0, 7).golomb(0, 0, 0).put(0, 3).golomb(0, 0).put(0, 7)
    picture.put(1, 1).put(0, 1).put(1, 1).put(0, 2).golomb(0).put(0, 2).align(1)
    return {32: unit(32, video.data()), 33: unit(33, sequence.data()), 34: unit(34, picture.data())}


def coded(planes: Sequence[NDArray[Any]], bits: int = 8) -> bytes:
    """A coded picture of planes of samples: (height, width) each, one for grey, else three, the last two halved."""
    out = Bits().put(1, 1).put(0, 1).golomb(0, 2, 0).align(1)
    coder = Coder(out)
    height, width = planes[0].shape
    down, across = -(-height // BLOCK), -(-width // BLOCK)
    steps = [BLOCK] + [BLOCK // 2] * (len(planes) - 1)
    padded = [
        np.pad(plane, ((0, down * step - plane.shape[0]), (0, across * step - plane.shape[1])), "edge")
        for plane, step in zip(planes, steps, strict=True)
    ]
    for block in range(down * across):
        coder.probable()
        coder.terminate(1)
        out.align()
        row, column = divmod(block, across)
        for plane, step in zip(padded, steps, strict=True):
            samples = plane[row * step : (row + 1) * step, column * step : (column + 1) * step].astype(">u2")
            spread = np.unpackbits(samples.reshape(-1, 1).view(np.uint8), axis=1)[:, 16 - bits :]
            out.bits += spread.reshape(-1).tolist()
        coder.start()
        coder.terminate(int(block == down * across - 1))
    return unit(19, out.align().data())


def samples(picture: NDArray[np.uint8], bits: int = 8) -> list[NDArray[Any]]:
    """Luma and halved chroma of an RGB picture, or of a grey one as it is."""
    if picture.ndim == 2:
        return [picture.astype(np.uint16) << bits - 8]
    shown = np.asarray(Image.fromarray(picture).convert("YCbCr")).astype(np.uint16) << bits - 8
    return [shown[..., 0], shown[::2, ::2, 1], shown[::2, ::2, 2]]


def box(kind: bytes, *parts: bytes, full: int | None = None) -> bytes:
    """A box; full: version and flags of a full one."""
    body = (b"" if full is None else struct.pack(">I", full)) + b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def configuration(sets: dict[int, bytes], bits: int, *, grey: bool) -> bytes:
    """An hvcC box (ISO/IEC 14496-15, 8.3.3)."""
    head = bytes([1, 1 if bits == 8 else 2]) + struct.pack(">I", 0x60000000) + bytes([0x90, 0, 0, 0, 0, 0, 120])
    head += b"\xf0\0\xfc" + bytes([0xFC | (0 if grey else 1), 0xF8 | bits - 8, 0xF8 | bits - 8, 0, 0, 0x0F, len(sets)])
    arrays = b"".join(bytes([0x80 | kind]) + struct.pack(">HH", 1, len(data)) + data for kind, data in sets.items())
    return box(b"hvcC", head, arrays)


class Heic:
    """Items of a HEIC file, put together piece by piece."""

    def __init__(self, brand: bytes = b"heic", compatible: Sequence[bytes] = (b"mif1", b"heic")) -> None:
        self.brands = brand + bytes(4) + b"".join(compatible)
        self.items: list[tuple[bytes, bytes, list[int]]] = []
        self.properties: list[bytes] = []
        self.references: list[bytes] = []
        self.primary = 1

    def item(self, kind: bytes, data: bytes, *properties: bytes) -> int:
        """Add an item; its number."""
        places = []
        for one in properties:
            if one not in self.properties:
                self.properties.append(one)
            places.append(self.properties.index(one) + 1)
        self.items.append((kind, data, places))
        return len(self.items)

    def picture(self, pixels: NDArray[np.uint8], *properties: bytes, bits: int = 8, **changed: Any) -> int:
        """Add a coded picture, RGB or grey. sets: other parameter sets. data: other data."""
        grey = pixels.ndim == 2
        height, width = pixels.shape[:2]
        sets = changed.get("sets") or parameter_sets(width, height, bits, grey=grey)
        picture = coded(samples(pixels, bits), bits)
        data = changed.get("data") or struct.pack(">I", len(picture)) + picture
        own = [configuration(sets, bits, grey=grey), size_of(width, height), *properties]
        return self.item(b"hvc1", data, *own)

    def refer(self, kind: bytes, origin: int, *targets: int) -> None:
        self.references.append(box(kind, struct.pack(f">HH{len(targets)}H", origin, len(targets), *targets)))

    def file(self) -> bytes:
        entries = [
            box(b"infe", struct.pack(">HH", number, 0), kind, b"\0", full=0x2000000)
            for number, (kind, _, _) in enumerate(self.items, start=1)
        ]
        used = [
            struct.pack(">HB", number, len(places)) + bytes(0x80 | place for place in places)
            for number, (_, _, places) in enumerate(self.items, start=1)
        ]
        head = box(b"ftyp", self.brands)
        fixed = [
            box(b"hdlr", bytes(4), b"pict", bytes(13), full=0),
            box(b"pitm", struct.pack(">H", self.primary), full=0),
            box(b"iinf", struct.pack(">H", len(entries)), *entries, full=0),
            box(b"iprp", box(b"ipco", *self.properties), box(b"ipma", struct.pack(">I", len(used)), *used, full=0)),
            *([box(b"iref", *self.references, full=0)] if self.references else []),
        ]
        places = 16 + 14 * len(self.items)
        at = len(head) + 12 + sum(map(len, fixed)) + places + 8
        rows = b""
        for number, (_, data, _) in enumerate(self.items, start=1):
            rows += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        where = box(b"iloc", struct.pack(">HH", 0x4400, len(self.items)), rows, full=0)
        assert len(where) == places
        return head + box(b"meta", *fixed, where, full=0) + box(b"mdat", *(data for _, data, _ in self.items))


def size_of(width: int, height: int) -> bytes:
    """An ispe property."""
    return box(b"ispe", struct.pack(">II", width, height), full=0)


def colours(value: bytes = SRGB) -> bytes:
    """A colr property: numbers, or ``prof`` and an ICC profile."""
    return box(b"colr", value)


def turned(quarters: int) -> bytes:
    """An irot property: quarter turns against the clock."""
    return box(b"irot", bytes([quarters]))


def heic(picture: NDArray[np.uint8], *properties: bytes, bits: int = 8, brand: bytes = b"heic") -> bytes:
    """A HEIC file of one picture."""
    file = Heic(brand)
    file.picture(picture, *(properties or (colours(),)), bits=bits)
    return file.file()
