"""The pictures of slices, in order; those that are files of their own are fetched while others are classified."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from skysort.bulk.pictures import tars, zips
from skysort.bulk.pictures.picture import Picture, too_large
from skysort.bulk.pictures.split import PICTURE
from skysort.bulk.store import changed
from skysort.errors import MalformedInputError
from skysort.limits import IMAGE_BYTES, MIB
from skysort.parallel import in_order
from skysort.pictures.bodies.archive import Kind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import SourceStore

# Requests that wait side by side, and files that one of them fetches one after another: handing a file over to another
# thread costs as much as reading a small one.
_READERS, _FILES = 8, 32
_WAITING_BYTES: Final = 128 * MIB
_FETCH_BYTES: Final = 8 * MIB


class Placed(NamedTuple):
    """A picture, by the place of its slice in the part."""

    place: int
    picture: Picture


def pictures_of(sources: SourceStore, part: Slice) -> Iterator[Picture]:
    """The pictures of a slice.

    Parameters
    ----------
    sources, part
        The slice.

    Yields
    ------
    Every picture, or why it cannot be read.

    Raises
    ------
    SourceChangedError
        If the object is another by now.
    MalformedInputError
        If the manifest is none of pictures; this or another InputError if the slice cannot be read to its end.
    """
    if part.format == PICTURE:
        yield _file(sources, part)
    elif part.format == Kind.ZIP:
        yield from zips.pictures(sources, part)
    elif part.format in set(Kind):
        yield from tars.pictures(sources, part)
    else:
        from skysort.bulk.pictures import parquet  # noqa: PLC0415 - Arrow, for tables alone

        if part.format != parquet.FORMAT:
            raise MalformedInputError(f"the manifest has the format {part.format!r:.40}, which no picture has")
        yield from parquet.pictures(sources, part)


def files(sources: SourceStore, slices: Sequence[tuple[int, Slice]]) -> Generator[Placed]:
    """The pictures of slices that are files of their own, in order; raises SourceChangedError.

    slices: with their places in the part.
    """

    def fetch(several: Sequence[tuple[int, Slice]]) -> list[Placed]:
        return [Placed(place, _file(sources, part)) for place, part in several]

    fetched = in_order(fetch, _handfuls(slices), workers=_READERS, weigh=_weight, max_bytes=_WAITING_BYTES)
    with closing(fetched):
        for pictures in fetched:
            yield from pictures


def runs(slices: Sequence[Slice]) -> Iterator[tuple[bool, list[tuple[int, Slice]]]]:
    """Consecutive slices that are files of their own, or are not, with their places in the part."""
    for alone, run in groupby(enumerate(slices), key=lambda each: each[1].format == PICTURE):
        yield alone, list(run)


def _handfuls(slices: Sequence[tuple[int, Slice]]) -> Iterator[list[tuple[int, Slice]]]:
    handful: list[tuple[int, Slice]] = []
    weight = 0
    for each in slices:
        own = _weight([each])
        if handful and (len(handful) == _FILES or weight + own > _FETCH_BYTES):
            yield handful
            handful, weight = [], 0
        handful.append(each)
        weight += own
    if handful:
        yield handful


def _weight(several: Sequence[tuple[int, Slice]]) -> int:
    return sum(min(part.size, IMAGE_BYTES) for _, part in several)


def _file(sources: SourceStore, part: Slice) -> Picture:
    name = part.source.rpartition("/")[2]
    if part.size > IMAGE_BYTES:
        return Picture(name, too_large(part.size))
    content = sources.read(part, 0, part.size) if part.size else b""
    if len(content) < part.size:
        raise changed(part.source)
    return Picture(name, content)
