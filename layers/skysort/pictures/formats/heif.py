"""HEIC and AVIF pictures: what decoding one takes, from its boxes and from its coded data's own headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import HEIF_TILES, IMAGE_PIXELS
from skysort.pictures.formats import boxes, coded, prices
from skysort.pictures.formats.budget import Cost
from skysort.pictures.formats.colour import Nclx
from skysort.pictures.formats.prepared import Prepared, bounded

if TYPE_CHECKING:
    from skysort.pictures.formats.boxes import Item, Items

_HEVC: Final = frozenset({b"hvc1", b"hev1"})
_AV1: Final = b"av01"
_DERIVED: Final = frozenset({b"grid", b"iden"})
_OTHERS: Final = {
    b"iovl": "an overlay of pictures",
    b"jpeg": "a JPEG inside a HEIF file",
    b"avc1": "coded with H.264",
    b"vvc1": "coded with H.266",
    b"unci": "uncompressed HEIF",
    b"j2k1": "JPEG 2000 inside a HEIF file",
    b"lhv1": "layered HEVC",
    b"tmap": "a tone map",
}
_DEPTH: Final = 2


@dataclass(frozen=True, slots=True)
class Still:
    """A still picture of a HEIF file. av1: whether it is coded with AV1, else with HEVC."""

    prepared: Prepared
    av1: bool


def prepare(content: bytes) -> Still:
    """Read a file's boxes; see Prepared. Its turns are the decoder's: metadata do not count in these files.

    Raises MalformedInputError, UnsupportedFormatError for what is neither HEVC nor AV1, and LimitExceededError for more
    pixels or tiles than may be.
    """
    items = boxes.read(content)
    primary = items.by_number.get(items.primary)
    if primary is None or not primary.kind:
        raise MalformedInputError("the HEIC or AVIF picture is damaged: the item that it shows is missing")
    width, height = _extent(primary.properties)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the HEIC or AVIF picture is damaged: its size is {width} x {height}")
    _check_pixels(width * height, width, height)
    coded_items = _coded(items, items.primary)
    av1 = {items.by_number[one].kind == _AV1 for one in coded_items}
    if len(av1) != 1:
        raise MalformedInputError("the HEIC or AVIF picture is damaged: it has no tiles, or tiles of several codings")
    alpha = [item for number in _alphas(items) for item in _coded(items, number)]
    out = max([width * height, *(_grid_pixels(content, items.by_number[one]) for one in items.by_number)])
    work, pixels = _work(content, items, coded_items + alpha)
    # Tiles reach beyond the picture: those of 512 x 512 of a telephone's 48 megapixels have 50 together.
    _check_pixels(max(out, pixels * 4 // (10 if alpha else 5)), width, height)
    byte = prices.AVIF_BYTES if av1 == {True} else prices.HEIC_BYTES
    cost = Cost(work, max(out, pixels) * byte + 2 * len(content))
    profile, broken, nclx = _colours(primary.properties.get(b"colr", b""))
    return Still(Prepared(content, width, height, cost, 1, profile, broken, nclx), av1 == {True})


def _check_pixels(pixels: int, width: int, height: int) -> None:
    if pixels > IMAGE_PIXELS:
        inside = "" if pixels <= width * height else f" and {pixels:,} pixels of coded data"
        raise LimitExceededError(
            f"a HEIC or AVIF picture may have up to {IMAGE_PIXELS:,} pixels, this one has {width} x {height}{inside}"
        )


def _extent(properties: dict[bytes, bytes]) -> tuple[int, int]:
    """Width and height by an ispe property (ISO/IEC 23008-12, 6.5.3)."""
    data = properties.get(b"ispe", b"")
    return int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")


def _coded(items: Items, number: int, depth: int = 0) -> list[int]:
    """The coded items that an item is put together from."""
    item = items.by_number.get(number)
    if item is None:
        raise MalformedInputError("the HEIC or AVIF picture is damaged: one of its tiles is missing")
    if item.kind in _HEVC or item.kind == _AV1:
        return [number]
    if item.kind not in _DERIVED or depth >= _DEPTH or (item.kind == b"grid" and depth):
        what = _OTHERS.get(item.kind, f"of the kind {item.kind.decode('latin-1')!r}")
        raise UnsupportedFormatError(f"the picture is {what}, which is not read; save it as a JPEG or a PNG")
    tiles = items.references.get((b"dimg", number), [])[: 1 if item.kind == b"iden" else None]
    if len(tiles) > HEIF_TILES:
        raise LimitExceededError(f"a HEIC or AVIF picture may have up to {HEIF_TILES:,} tiles, this one has more")
    return [one for tile in tiles for one in _coded(items, tile, depth + 1)]


def _alphas(items: Items) -> list[int]:
    """Items that hold the transparency of the picture, or of its tiles."""
    return [
        number
        for kind, number in items.references
        if kind == b"auxl" and b"alpha" in items.item(number).properties.get(b"auxC", b"")
    ]


def _grid_pixels(content: bytes, item: Item) -> int:
    """Pixels that a grid says it has (ISO/IEC 23008-12, 6.6.2.3.2)."""
    if item.kind != b"grid" or not item.extents:
        return 0
    at, length = item.extents[0]
    data = content[at : at + min(length, 12)]
    size = 4 if len(data) > 1 and data[1] & 1 else 2
    return int.from_bytes(data[4 : 4 + size], "big") * int.from_bytes(data[4 + size : 4 + 2 * size], "big")


def _work(content: bytes, items: Items, numbers: list[int]) -> tuple[int, int]:
    """Work for some coded items, and the pixels of them all."""
    listed = sum(length for number in numbers for _, length in items.by_number[number].extents)
    if listed > 2 * len(content):
        raise LimitExceededError("the tiles of this picture overlap: together they are larger than the file")
    work = total = 0
    for number in numbers:
        item = items.by_number[number]
        data = b"".join(content[at : at + length] for at, length in item.extents)
        if item.kind == _AV1:
            largest, frames = coded.av1(item.properties.get(b"av1C", b""), data)
            pixel, byte = prices.AVIF_PIXEL, prices.AVIF_BYTE
        else:
            largest, frames = coded.hevc(item.properties.get(b"hvcC", b""), data)
            pixel, byte = prices.HEIC_PIXEL, prices.HEIC_BYTE
        across, down = _extent(item.properties)
        pixels = max(largest, across * down)
        total += pixels
        work += pixels * max(1, frames) * pixel + len(data) * byte + prices.ITEM
    return work, total


def _colours(colr: bytes) -> tuple[bytes | None, str, Nclx | None]:
    kind, data = colr[:4], colr[4:]
    if kind in {b"prof", b"rICC"}:
        return (*bounded(data), None)
    if kind == b"nclx" and len(data) >= 4:  # noqa: PLR2004 - primaries and transfer
        return None, "", Nclx(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"))
    return None, "", None
