"""Tile-compressed FITS images, as fpack and the surveys' archives write them (FITS Standard 4.0, section 10).

The image is cut into tiles, each a row of a binary table with the location of its bytes in the heap after the table.
Supported: RICE_1, GZIP_1, GZIP_2 and NOCOMPRESS, of integers and of quantized floating-point numbers. The C library
that other readers use would parse hostile bytes inside the function; this one never reads outside the file.
"""

from __future__ import annotations

import math
import zlib
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.fits_header import TYPES
from skysort.limits import FITS_TILES
from skysort.pictures.fits import rice
from skysort.pictures.fits.table import TileTable
from skysort.pictures.formats import prices
from skysort.pictures.formats.prices import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.fits_header import Header

_RICE: Final = frozenset({"RICE_1", "RICE_ONE"})
_READ: Final = _RICE | {"GZIP_1", "GZIP_2", "NOCOMPRESS"}
_COMPRESSED, _GZIPPED, _PLAIN = "COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA"
_MAX_OPTIONS, _MAX_AXES = 99, 8
# Values unpacked together: enough tiles for numpy, few enough for memory.
_BYTES_AT_ONCE: Final = 4 << 20
_VALUES_AT_ONCE, _FEWER_AT_ONCE = 8 << 20, 2 << 20
_TILES_AT_ONCE: Final = 64
# Quantization methods of floating-point numbers (section 10.2 and appendix I).
_NO_DITHER, _DITHER_1, _DITHER_2 = "NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"
# The integer that stands for exactly 0 in the second method.
_ZERO: Final = -2_147_483_646
_SEEDS, _MULTIPLIER, _MODULUS = 10_000, 16_807, 2_147_483_647
_SPREAD: Final = 500  # first random numbers of a tile, multiplied by this


def read(content: bytes, header: Header, spend: Callable[[Cost], object] = bool) -> NDArray[Any]:
    """Unpack a tile-compressed image.

    Parameters
    ----------
    content
        The file.
    header
        The header of the table. The caller has checked the image's size.
    spend
        Called with the cost of unpacking before it begins; may raise.

    Returns
    -------
    The image, the slowest axis first, in the numbers of the uncompressed file.

    Raises
    ------
    MalformedInputError
        For inconsistent tables and tiles.
    UnsupportedFormatError
        For unsupported compression methods.
    LimitExceededError
        For too many tiles, and whatever spend raises.
    """
    return _TiledImage(content, header).unpack(spend)


class _TiledImage:
    """A compressed image's table, checked against its header before anything is unpacked."""

    def __init__(self, content: bytes, header: Header) -> None:
        self._header = header
        self._method = header.text("ZCMPTYPE")
        if self._method not in _READ:
            raise UnsupportedFormatError(
                f"the FITS image is compressed with {self._method[:40] or 'no method that it names'}; RICE and GZIP are"
                " supported: unpack it (funpack) or compress it with RICE (fpack -r)"
            )
        self._axes, self._type = header.axes("Z"), np.dtype(TYPES[header.bitpix("Z")]).newbyteorder("=")
        if not 0 < len(self._axes) <= _MAX_AXES or min(self._axes) == 0:
            raise MalformedInputError(f"the compressed FITS image has {len(self._axes)} axes")
        self._sides = self._tile_sides()
        self._check_size(header.integer("NAXIS2"))
        self._table = TileTable(content, header)
        self._scales, self._zeros, self._blanks = map(self._table.numbers, ("ZSCALE", "ZZERO", "ZBLANK"))
        self._quantized = self._type.kind == "f" and self._scales is not None
        self._dithering = self._quantization()

    def _tile_sides(self) -> tuple[int, ...]:
        """A tile's size, the fastest axis first; by default one row."""
        sides = [
            self._header.integer(f"ZTILE{axis}", size if axis == 1 else 1)
            for axis, size in enumerate(self._axes, start=1)
        ]
        if min(sides) < 1:
            raise MalformedInputError("the FITS header has compressed tiles without pixels")
        return tuple(map(min, sides, self._axes))

    def _check_size(self, rows: int) -> None:
        tiles = math.prod(-(-size // side) for size, side in zip(self._axes, self._sides, strict=True))
        if tiles > FITS_TILES:
            raise LimitExceededError(
                f"a compressed FITS image may have up to {FITS_TILES:,} tiles; this one has {tiles:,}"
            )
        if rows != tiles:
            raise MalformedInputError(
                f"the compressed FITS image is cut into {tiles:,} tiles and its table has {rows:,} rows"
            )

    def _quantization(self) -> str:
        method = self._header.text("ZQUANTIZ") or _NO_DITHER
        if not self._quantized or method == "NONE":
            return _NO_DITHER
        if method not in {_NO_DITHER, _DITHER_1, _DITHER_2}:
            raise UnsupportedFormatError(
                f"the FITS image is quantized by {method[:40]}, which is not supported; unpack it (funpack)"
            )
        return method

    def _sizes(self) -> list[int]:
        """The number of values in each tile."""
        sizes = np.ones(1, np.int64)
        for size, side in zip(self._axes, self._sides, strict=True):
            sizes = np.multiply.outer(np.minimum(side, size - np.arange(0, size, side)), sizes).reshape(-1)
        return [int(size) for size in sizes]

    def _places(self) -> list[tuple[slice, ...]]:
        """Each tile's place, as slices of the image's array (the slowest axis first)."""
        cuts = [
            [slice(start, min(size, start + side)) for start in range(0, size, side)]
            for size, side in zip(self._axes[::-1], self._sides[::-1], strict=True)
        ]
        return list(product(*cuts))

    def unpack(self, spend: Callable[[Cost], object]) -> NDArray[Any]:
        """Assemble the tiles once the budget allows their cost."""
        sources = {name: self._table.streams(name) for name in (_COMPRESSED, _GZIPPED, _PLAIN)}
        if sum(size for streams in sources.values() for _, size in streams) > len(self._table.heap):
            raise MalformedInputError("the tiles of the compressed FITS image overlap: it is damaged")
        sizes, compressed, is_rice = self._sizes(), sources[_COMPRESSED], self._method in _RICE
        coded = [tile for tile, (_, size) in enumerate(compressed) if size] if is_rice else []
        portions = list(_portions(coded, compressed, sizes))
        values, image_bytes = sum(sizes), sum(sizes) * self._type.itemsize
        work = len(sizes) * prices.TILE + self._quantized * values * prices.SCALED_VALUE
        spend(Cost(work + (0 if is_rice else image_bytes * prices.UNZIPPED_BYTE), image_bytes))
        if portions:
            spend(_cost(portions, compressed, sizes, image_bytes))
        with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond 32 bits become infinite
            return self._unpack(sources, portions, sizes)

    def _unpack(
        self, sources: dict[str, list[tuple[int, int]]], portions: Sequence[Sequence[int]], sizes: Sequence[int]
    ) -> NDArray[Any]:
        image = np.empty(self._axes[::-1], self._type)
        places, compressed = self._places(), sources[_COMPRESSED]
        for tile, place in enumerate(places):
            target = image[place]
            if compressed[tile][1] == 0:
                target[...] = self._fallback(tile, target.size, sources).reshape(target.shape)
            elif self._method not in _RICE:
                integers = self._unzipped(self._table.stream(compressed[tile]), target.size)
                target[...] = self._finished(tile, integers).reshape(target.shape)
        for tiles in portions:
            streams = [self._table.stream(compressed[tile]) for tile in tiles]
            for tile, integers in zip(tiles, self._from_rice(streams, sizes[tiles[0]]), strict=True):
                target = image[places[tile]]
                target[...] = self._finished(tile, integers).reshape(target.shape)
        return image

    def _fallback(self, tile: int, values: int, sources: dict[str, list[tuple[int, int]]]) -> NDArray[Any]:
        """A tile stored without the image's compression: its numbers as they are."""
        dtype = self._type.newbyteorder(">")
        if sources[_GZIPPED][tile][1]:
            return np.frombuffer(_gunzip(self._table.stream(sources[_GZIPPED][tile]), values * dtype.itemsize), dtype)
        stream = self._table.stream(sources[_PLAIN][tile])
        if len(stream) != values * dtype.itemsize:
            raise MalformedInputError("a tile of the compressed FITS image does not have as many pixels as its size")
        return np.frombuffer(stream, dtype)

    def _unzipped(self, stream: bytes, values: int) -> NDArray[Any]:
        """The numbers of a gzipped or uncompressed tile."""
        max_bytes = values * max(4, self._type.itemsize)
        unpacked = stream if self._method == "NOCOMPRESS" else _gunzip(stream, max_bytes, exact=False)
        width, rest = divmod(len(unpacked), values)
        if self._type.kind == "f" and not self._quantized:
            dtype = self._type.newbyteorder(">")
        else:
            dtype = np.dtype({1: "u1", 2: ">i2", 4: ">i4", 8: ">i8"}.get(width, "V1"))
        if rest or width != dtype.itemsize or dtype.kind == "V":
            raise MalformedInputError("a tile of the compressed FITS image does not have as many pixels as its size")
        numbers = np.frombuffer(unpacked, np.uint8)
        if self._method == "GZIP_2":  # all first bytes, then all second bytes
            numbers = np.ascontiguousarray(numbers.reshape(width, values).T)
        return numbers.view(dtype).reshape(values)

    def _from_rice(self, streams: Sequence[bytes], values: int) -> NDArray[Any]:
        """Tiles of equally many values, (tiles, values), before dequantization."""
        options = dict(self._options())
        block, width = options.get("BLOCKSIZE", 32), options.get("BYTEPIX", 4)
        if block not in rice.BLOCKS or width not in rice.BYTES:
            raise UnsupportedFormatError(
                f"the RICE-compressed FITS image has blocks of {block} pixels of {width} bytes; blocks of 16 or 32 of"
                " 1, 2 or 4 bytes are read"
            )
        return rice.unpack(streams, values, block, width)

    def _options(self) -> Iterator[tuple[str, int]]:
        """The integer parameters of the compression (ZNAMEn and ZVALn)."""
        for parameter in range(1, _MAX_OPTIONS + 1):
            name = self._header.text(f"ZNAME{parameter}")
            if not name:
                break
            if name in {"BLOCKSIZE", "BYTEPIX"}:
                yield name, self._header.integer(f"ZVAL{parameter}")

    def _finished(self, tile: int, integers: NDArray[Any]) -> NDArray[Any]:
        """A tile's numbers, dequantized where they are floating-point."""
        if not self._quantized or self._scales is None:
            return integers
        values = integers.astype(np.float64)
        if self._dithering != _NO_DITHER:
            values -= _dither(tile, self._header.integer("ZDITHER0", 1), integers.size)
            values += 0.5
        values *= float(self._scales[tile])
        values += 0.0 if self._zeros is None else float(self._zeros[tile])
        if self._dithering == _DITHER_2:
            values[integers == _ZERO] = 0.0
        if self._blanks is not None:
            values[integers == self._blanks[tile]] = np.nan
        return values


@cache
def random_numbers() -> NDArray[np.float32]:
    """The standard's 10,000 random numbers between 0 and 1 (Park and Miller 1988, CACM 31, 1192)."""
    numbers, seed = np.empty(_SEEDS, np.float32), 1
    for number in range(_SEEDS):
        seed = seed * _MULTIPLIER % _MODULUS
        numbers[number] = seed / _MODULUS
    return numbers


def _dither(tile: int, seed: int, values: int) -> NDArray[np.float32]:
    """The random numbers of a tile's values. tile: its index, from 0. seed: the image's ZDITHER0, 1 to 10,000."""
    numbers, index, parts = random_numbers(), (tile + seed - 1) % _SEEDS, []
    while values > 0:
        start = int(numbers[index] * np.float32(_SPREAD))
        parts.append(numbers[start : start + values])
        values -= len(parts[-1])
        index = (index + 1) % _SEEDS
    return np.concatenate(parts)


def _portions(tiles: Sequence[int], streams: Sequence[tuple[int, int]], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Groups of equal-sized tiles to unpack together."""
    by_size: dict[int, list[int]] = {}
    for tile in tiles:
        by_size.setdefault(sizes[tile], []).append(tile)
    for values, alike in by_size.items():
        max_values = min(_VALUES_AT_ONCE, max(_FEWER_AT_ONCE, _TILES_AT_ONCE * values))
        some: list[int] = []
        size = 0
        for tile in alike:
            more = streams[tile][1]
            if some and (size + more > _BYTES_AT_ONCE or (len(some) + 1) * values > max_values):
                yield some
                some, size = [], 0
            some.append(tile)
            size += more
        yield some


def _cost(
    portions: Sequence[Sequence[int]], streams: Sequence[tuple[int, int]], sizes: Sequence[int], image: int
) -> Cost:
    """The cost of unpacking Rice codes; image: the bytes of the image itself."""
    work, memory = 0, 0
    for tiles in portions:
        values, size = sizes[tiles[0]], sum(streams[tile][1] for tile in tiles)
        steps = rice.steps(len(tiles), values)
        work += len(tiles) * values * prices.RICE_VALUE + size * prices.RICE_BYTE + steps * prices.RICE_STEP
        memory = max(memory, size * prices.RICE_BIT_TABLE + len(tiles) * values * prices.RICE_BYTES)
    return Cost(work, image + memory)


def _gunzip(stream: bytes, size: int, *, exact: bool = True) -> bytes:
    unpacker = zlib.decompressobj(wbits=47)
    try:
        unpacked = unpacker.decompress(stream, size + 1)
    except zlib.error as error:
        raise MalformedInputError(f"a compressed tile of the FITS image is damaged: {error}") from None
    if not unpacker.eof or len(unpacked) > size or (exact and len(unpacked) != size):
        raise MalformedInputError("a tile of the compressed FITS image does not have as many pixels as its size")
    return unpacked
