"""Rice-coded tiles of FITS images (FITS Standard 4.0, section 10.4.1), all tiles of an image at once.

A tile is its first value and a bit stream: blocks of 16 or 32 differences, each block with the number of low bits that
its codes carry verbatim; the high bits are coded in unary, as zeros before a one. A code begins where the previous one
ends, so numpy reads the same code of many tiles in one step. The codes are decoded afterwards, over whole arrays.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# By the bytes of a value: the width of a block's low-bit count, and the count that means "stored verbatim".
_FIELD: Final = {1: (3, 6), 2: (4, 14), 4: (5, 25)}
_TYPES: Final[dict[int, Any]] = {1: np.uint8, 2: np.int16, 4: np.int32}
BYTES: Final = frozenset(_TYPES)
BLOCKS: Final = frozenset({16, 32})
# Fewer tiles than this are read code by code: a step of numpy takes as long as so many steps of the interpreter.
_MANY_TILES: Final = 16
# Values decoded at once: few enough for the processor's cache.
_VALUES_AT_ONCE: Final = 1 << 17
_PADDING: Final = bytes(8)
_DAMAGED: Final = "a compressed tile of the FITS image is damaged: its codes and its length do not match"


def _first_ones() -> NDArray[np.int32]:
    """(256, 8): the bit of a byte's first one at or after each of its bits; a large number where there is none."""
    ones = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1)
    where = np.where(ones, np.arange(8, dtype=np.int32), np.int32(1 << 30))
    return np.minimum.accumulate(where[:, ::-1], axis=1)[:, ::-1].copy()


_FIRST_ONE: Final = _first_ones()


@dataclass(frozen=True, slots=True)
class _Packed:
    """The concatenated bytes of some tiles.

    words: the four bytes from each byte on as one number. starts, ends: bit offsets of each tile's codes.
    values, block, width: as in unpack.
    """

    content: NDArray[np.uint8]
    words: NDArray[np.uint32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    values: int
    block: int
    width: int


@dataclass(frozen=True, slots=True)
class _Codes:
    """The bit offsets of the codes of some tiles.

    ones: (values, tiles), the one that ends each code's zeros. starts, low: (blocks, tiles), the start of a block's
    first code, and the number of low bits of its codes; -1 where all of its differences are 0.
    """

    ones: NDArray[np.int32]
    starts: NDArray[np.int32]
    low: NDArray[np.int32]


def unpack(tiles: Sequence[bytes], values: int, block: int, width: int) -> NDArray[Any]:
    """Unpack tiles of equally many values.

    Parameters
    ----------
    tiles
        Each tile's bytes; together below 256 MiB.
    values
        The number of values in a tile, at least 1.
    block, width
        Values in a block, 16 or 32, and bytes of an unpacked value: 1 (unsigned), 2 or 4.

    Returns
    -------
    (tiles, values) uint8, int16 or int32.

    Raises
    ------
    MalformedInputError
        Where a tile ends before its last value.
    """
    if min(map(len, tiles)) < width:
        raise MalformedInputError(_DAMAGED)
    packed = np.frombuffer(b"".join(tiles) + _PADDING, np.uint8)
    lengths = np.array([len(tile) for tile in tiles], np.int32)
    ends = np.cumsum(lengths, dtype=np.int32)
    first = (ends - lengths)[:, np.newaxis] + np.arange(width, dtype=np.int32)
    last = packed[first].astype(np.uint32) @ (np.uint32(1) << np.arange(8 * width - 8, -1, -8, dtype=np.uint32))
    streams = _Packed(packed, _words(packed), (ends - lengths + width) * 8, ends * 8, values, block, width)
    codes = (_vectorised if len(tiles) >= _MANY_TILES else _one_by_one)(streams)
    unpacked = np.empty((len(tiles), values), np.uint32)
    blocks = max(1, _VALUES_AT_ONCE // (block * len(tiles)))
    for start in range(0, len(codes.low), blocks):
        part = _differences(streams, codes, slice(start, start + blocks))
        np.cumsum(part, axis=0, out=part)
        part += last
        last = part[-1].copy()
        unpacked[:, start * block : start * block + len(part)] = part.T
    return unpacked.view(np.int32) if width == 4 else unpacked.astype(_TYPES[width])  # noqa: PLR2004 - bytes


def steps(tiles: int, values: int) -> int:
    """The time to read the codes of tiles of so many values, in steps of numpy."""
    return values if tiles >= _MANY_TILES else values * tiles // _MANY_TILES


def _words(packed: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The four bytes from each byte on as one number."""
    words = packed[:-3].astype(np.uint32)
    for number in (1, 2, 3):
        words <<= np.uint32(8)
        words |= packed[number : len(packed) - 3 + number]
    return words


def _vectorised(packed: _Packed) -> _Codes:
    """Locate the codes of all tiles, one code of each per step."""
    values, block, starts = packed.values, packed.block, packed.starts
    field, verbatim_bits = _FIELD[packed.width]
    next_ones = _next_ones(packed.content)
    blocks = -(-values // block)
    codes = _Codes(
        np.empty((values, len(starts)), np.int32),
        np.empty((blocks, len(starts)), np.int32),
        np.empty((blocks, len(starts)), np.int32),
    )
    bit, last_bit = starts.copy(), 8 * len(packed.content) - 64
    for number in range(blocks):
        np.minimum(bit, last_bit, out=bit)  # past the end of a damaged tile, which is reported below
        low = (((packed.words[bit >> 3] << (bit & 7).astype(np.uint32)) >> np.uint32(32 - field)).astype(np.int32)) - 1
        bit += field
        codes.starts[number], codes.low[number] = bit, low
        rows = codes.ones[number * block : (number + 1) * block]
        coded = (low >= 0) & (low < verbatim_bits)
        if coded.all():
            _step(next_ones, bit, low + 1, rows)
            continue
        rows[:] = 0
        indices = np.flatnonzero(coded)
        if indices.size:
            bits, ones = bit[indices], np.empty((len(rows), indices.size), np.int32)
            _step(next_ones, bits, low[indices] + 1, ones)
            rows[:, indices], bit[indices] = ones, bits
        bit[low == verbatim_bits] += 8 * packed.width * len(rows)
        if (low > verbatim_bits).any():
            raise MalformedInputError(_DAMAGED)
    if (bit > packed.ends).any():
        raise MalformedInputError(_DAMAGED)
    return codes


def _step(
    next_ones: NDArray[np.int32], bit: NDArray[np.int32], step: NDArray[np.int32], rows: NDArray[np.int32]
) -> None:
    """Skip one code per row, recording its one; bit advances to the start of the next code."""
    for row in rows:
        next_ones.take(bit, out=row, mode="clip")
        np.add(row, step, out=bit)


def _next_ones(packed: NDArray[np.uint8]) -> NDArray[np.int32]:
    """For each bit the offset of the first one at or after it; the number of bits where there is none."""
    bits = np.int32(8 * len(packed))
    first_of_byte = _FIRST_ONE.take(packed, axis=0)
    begins = np.arange(0, bits, 8, dtype=np.int32)
    first_of_byte += begins[:, np.newaxis]
    behind = np.full(len(packed), bits, np.int32)  # the first one in the later bytes
    np.minimum.accumulate(first_of_byte[:0:-1, 0], out=behind[-2::-1])
    np.minimum(first_of_byte, np.minimum(behind, bits)[:, np.newaxis], out=first_of_byte)
    return first_of_byte.reshape(-1)


def _one_by_one(packed: _Packed) -> _Codes:
    """Locate the codes of a few large tiles, one tile after another."""
    ones, begins, lows = array("i"), array("i"), array("i")
    for start, end in zip(packed.starts.tolist(), packed.ends.tolist(), strict=True):
        _follow_tile(packed, start, end, (ones, begins, lows))
    return _Codes(*(np.frombuffer(part, np.int32).reshape(len(packed.starts), -1).T for part in (ones, begins, lows)))


def _follow_tile(packed: _Packed, start: int, end: int, notes: tuple[array[int], array[int], array[int]]) -> None:
    """Locate one tile's codes, recording the ones, and each block's start and low-bit count."""
    ones, begins, lows = notes
    note = ones.append
    field, verbatim_bits = _FIELD[packed.width]
    next_ones: Any = memoryview(_next_ones(packed.content[start >> 3 : end >> 3]))  # type: ignore[arg-type]  # an array is a buffer
    bit, last_word = 0, 8 * len(packed.words) - 32
    for number in range(0, packed.values, packed.block):
        length = min(packed.block, packed.values - number)
        word_bit = min(start + bit, last_word)
        low = ((int(packed.words[word_bit >> 3]) << (word_bit & 7) & 0xFFFFFFFF) >> (32 - field)) - 1
        bit += field
        begins.append(start + bit)
        lows.append(low)
        if 0 <= low < verbatim_bits:
            step = low + 1
            try:
                for _ in range(length):
                    next_bit = next_ones[bit]
                    note(start + next_bit)
                    bit = next_bit + step
            except IndexError:
                raise MalformedInputError(_DAMAGED) from None
        else:
            ones.extend((0,) * length)
            bit += 8 * packed.width * length if low > 0 else 0
        if bit > end - start or low > verbatim_bits:
            raise MalformedInputError(_DAMAGED)


def _differences(packed: _Packed, codes: _Codes, blocks: slice) -> NDArray[np.uint32]:
    """The differences of some blocks, (values, tiles), as uint32 modulo 2**32."""
    words, block, width = packed.words, packed.block, packed.width
    _, verbatim_bits = _FIELD[width]
    starts, low = codes.starts[blocks], codes.low[blocks]
    ones = codes.ones[blocks.start * block : blocks.stop * block]
    every = np.repeat(low, block, axis=0)[: len(ones)]
    # A code begins after the low bits of the previous one.
    begins = np.empty_like(ones)
    begins[1:] = ones[:-1] + 1 + every[1:]
    begins[::block] = starts
    behind = ones + 1
    low_bits = (words[behind >> 3] << (behind & 7).astype(np.uint32)) >> np.uint32(1)
    low_bits >>= (31 - every).astype(np.uint32) & np.uint32(31)
    coded: NDArray[np.uint32] = ((ones - begins).astype(np.uint32) << every.astype(np.uint32)) | low_bits
    if (low < 0).any():
        coded[every < 0] = 0
    verbatim = every == verbatim_bits
    if verbatim.any():
        which, tile = np.nonzero(verbatim)
        bit = starts[which // block, tile] + (which % block) * (8 * width)
        near = bit >> 3
        wide = (words[near].astype(np.uint64) << np.uint64(8)) | (words[near + 1] & np.uint32(255))
        coded[verbatim] = ((wide >> (8 - (bit & 7)).astype(np.uint64)) & np.uint64(0xFFFFFFFF)) >> np.uint64(
            32 - 8 * width
        )
    signs = np.uint32(0) - (coded & np.uint32(1))
    coded >>= np.uint32(1)
    coded ^= signs
    return coded
