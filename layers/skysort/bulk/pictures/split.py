"""From source objects to slices of pictures, by the names of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.bulk.manifest import Slice
from skysort.bulk.pictures import tars, zips
from skysort.errors import EmptyInputError, UnsupportedFormatError
from skysort.pictures.bodies import archive
from skysort.pictures.bodies.archive import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.bulk.store import SourceObject, SourceStore

PICTURE: Final = "picture"
PARQUET: Final = ".parquet"
_ARCHIVES: Final[Mapping[str, Kind]] = {
    ".zip": Kind.ZIP,
    ".tar": Kind.TAR,
    ".tar.gz": Kind.TAR_GZIP,
    ".tgz": Kind.TAR_GZIP,
    ".tar.bz2": Kind.TAR_BZIP2,
    ".tbz2": Kind.TAR_BZIP2,
    ".tar.xz": Kind.TAR_XZ,
    ".txz": Kind.TAR_XZ,
}
# Enough to tell the kinds of archives apart.
_HEAD: Final = 4_096


def split_pictures(sources: SourceStore, obj: SourceObject) -> Iterator[Slice]:
    """The slices of an object.

    Parameters
    ----------
    sources
        Where it lies. A single picture, as most objects are, is not asked for.
    obj
        The object, as it was listed.

    Yields
    ------
    Slices; none for what operating systems add, and for the keys that consoles make for folders.

    Raises
    ------
    InputError
        If no picture of the object can be read; what is wrong with one of them only its reader finds out.
    """
    name = obj.source.lower()
    if name.endswith("/") or archive.is_junk(obj.source):
        return
    kind = next((kind for ending, kind in _ARCHIVES.items() if name.endswith(ending)), None)
    if kind is not None:
        _check(sources, obj, kind)
        if kind is Kind.ZIP:
            yield from zips.split(sources, obj)
        elif kind is Kind.TAR:
            yield from tars.split(sources, obj)
        else:
            yield from tars.split_packed(obj, kind)
    elif name.endswith(PARQUET):
        from skysort.bulk.pictures import parquet  # noqa: PLC0415 - Arrow, for tables alone

        yield from parquet.split(sources, obj)
    else:
        yield Slice(obj.source, obj.etag, obj.size, PICTURE, 0, 1, obj.size, rows=1, version=obj.version)


def _check(sources: SourceStore, obj: SourceObject, kind: Kind) -> None:
    """Refuse an archive that is none of the kind that it is named as."""
    if not obj.size:
        raise EmptyInputError("the file is empty: it has no bytes")
    # Bytes may come before a zip, as in one that unpacks itself.
    if kind is Kind.ZIP:
        return
    head = sources.read(obj, 0, min(obj.size, _HEAD))
    found = archive.detect(head)
    is_empty = kind is Kind.TAR and not head.strip(b"\0")
    if found is not kind and not is_empty:
        called = f"a {found} archive" if found else "no archive"
        raise UnsupportedFormatError(f"the file is named as a {kind} archive, but it is {called}; rename it")
