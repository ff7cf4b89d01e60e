"""HEIC and AVIF pictures: what decoding one takes, from its boxes and from its coded data's own headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import HEIF_TILES, IMAGE_PIXELS
from skysort.pictures.formats import heif_boxes, heif_coded, prices
from skysort.pictures.formats.colour import Nclx
from skysort.pictures.formats.prepared import UPRIGHT, Prepared, bounded
from skysort.pictures.formats.prices import Cost

if TYPE_CHECKING:
    from skysort.pictures.formats.heif_boxes import Items

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
_DAMAGED: Final = "the HEIC or AVIF picture is damaged"


@dataclass(frozen=True, slots=True)
class Still:
    """A still picture of a HEIF file. av1: whether it is coded with AV1, else with HEVC."""

    prepared: Prepared
    av1: bool


def prepare(content: bytes) -> Still:
    """Read a HEIC's or AVIF's boxes; raises what Prepared says. Turns are the decoder's: metadata do not count."""
    items = heif_boxes.read(content)
    primary = items.by_number.get(items.primary)
    if primary is None or not primary.kind:
        raise MalformedInputError(f"{_DAMAGED}: the item that it shows is missing")
    width, height = primary.size
    if width < 1 or height < 1:
        raise MalformedInputError(f"{_DAMAGED}: its size is {width} x {height}")
    _check_pixels(width * height, width, height)
    coded = _coded(items, items.primary)
    av1 = {items.by_number[number].kind == _AV1 for number in coded}
    if len(av1) != 1:
        raise MalformedInputError(f"{_DAMAGED}: it has no tiles, or tiles of several codings")
    alpha = [number for picture in items.alphas() for number in _coded(items, picture)]
    grids = [item.grid(content) for item in items.by_number.values() if item.kind == b"grid" and item.extents]
    out = max([width * height, *(across * down for _, _, across, down in grids)])
    work, pixels = _work(content, items, coded + alpha)
    # Tiles reach beyond the picture: those of 512 x 512 of a telephone's 48 megapixels have 50 together.
    _check_pixels(max(out, pixels * 4 // (10 if alpha else 5)), width, height)
    byte = prices.AVIF_BYTES if av1 == {True} else prices.HEIC_BYTES
    cost = Cost(work, max(out, pixels) * byte + 2 * len(content))
    colours = _colours(primary.properties.get(b"colr", b""))
    return Still(Prepared(content, width, height, cost, UPRIGHT, *colours), av1 == {True})


def _check_pixels(pixels: int, width: int, height: int) -> None:
    if pixels > IMAGE_PIXELS:
        inside = "" if pixels <= width * height else f" and {pixels:,} pixels of coded data"
        raise LimitExceededError(
            f"a HEIC or AVIF picture may have up to {IMAGE_PIXELS:,} pixels; this one has {width} x {height}{inside}"
        )


def _coded(items: Items, number: int, depth: int = 0) -> list[int]:
    """The coded items that an item is put together from."""
    item = items.by_number.get(number)
    if item is None:
        raise MalformedInputError(f"{_DAMAGED}: one of its tiles is missing")
    if item.kind in _HEVC or item.kind == _AV1:
        return [number]
    if item.kind not in _DERIVED or depth >= _DEPTH or (item.kind == b"grid" and depth):
        what = _OTHERS.get(item.kind, f"of the kind {item.kind.decode('latin-1')!r}")
        raise UnsupportedFormatError(f"the picture is {what}, which is not supported; save it as a JPEG or a PNG")
    tiles = items.references.get((b"dimg", number), [])[: 1 if item.kind == b"iden" else None]
    if len(tiles) > HEIF_TILES:
        raise LimitExceededError(f"a HEIC or AVIF picture may have up to {HEIF_TILES:,} tiles; this one has more")
    return [coded for tile in tiles for coded in _coded(items, tile, depth + 1)]


def _work(content: bytes, items: Items, numbers: list[int]) -> tuple[int, int]:
    """Work for some coded items, and the pixels of them all."""
    if sum(items.by_number[number].bytes_listed for number in numbers) > 2 * len(content):
        raise LimitExceededError("the tiles of this picture overlap: together they are larger than the file")
    work = total = 0
    for number in numbers:
        item = items.by_number[number]
        data = item.data(content)
        if item.kind == _AV1:
            largest, frames = heif_coded.av1(item.properties.get(b"av1C", b""), data)
            pixel, byte = prices.AVIF_PIXEL, prices.AVIF_BYTE
        else:
            largest, frames = heif_coded.hevc(item.properties.get(b"hvcC", b""), data)
            pixel, byte = prices.HEIC_PIXEL, prices.HEIC_BYTE
        across, down = item.size
        pixels = max(largest, across * down)
        total += pixels
        work += pixels * max(1, frames) * pixel + len(data) * byte + prices.ITEM
    return work, total


def _colours(colr: bytes) -> tuple[bytes | None, str, Nclx | None]:
    kind, data = colr[:4], colr[4:]
    if kind in heif_boxes.PROFILES:
        return (*bounded(data), None)
    if kind == b"nclx" and len(data) >= 4:  # noqa: PLR2004 - primaries and transfer
        return None, "", Nclx(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"))
    return None, "", None
