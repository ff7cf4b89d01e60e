"""Source objects as bytes that are read in slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.bulk.store import changed

if TYPE_CHECKING:
    from skysort.bulk.store import Planned, SourceStore

_BLOCK: Final = 64 * 1024


class RemoteBytes:
    """An object's bytes, by slices; the last block that was read is kept. A skysort.fits_header.Content."""

    def __init__(self, sources: SourceStore, obj: Planned) -> None:
        self._sources = sources
        self._object = obj
        self._start = 0
        self._block = b""

    def __len__(self) -> int:
        """The object's size."""
        return self._object.size

    def __getitem__(self, place: slice) -> bytes:
        """Some bytes; raises SourceChangedError."""
        start, stop, _ = place.indices(len(self))
        if not self._start <= start <= stop <= self._start + len(self._block):
            wanted = min(max(stop - start, _BLOCK), len(self) - start)
            self._start, self._block = start, self._sources.read(self._object, start, wanted) if wanted > 0 else b""
            if len(self._block) < wanted:
                raise changed(self._object.source)
        return self._block[start - self._start : stop - self._start]
