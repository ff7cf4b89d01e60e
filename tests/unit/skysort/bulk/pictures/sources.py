"""Objects in memory that bulk jobs read, and what they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort.bulk.pictures.reading import pictures_of
from skysort.bulk.pictures.split import split_pictures
from skysort.bulk.store import Requests, SourceObject, changed
from skysort.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import Planned


@dataclass
class MemorySources:
    """A skysort.bulk.store.SourceStore. reads: the ranges that were read, by object."""

    objects: dict[str, bytes]
    reads: list[tuple[str, int, int]] = field(default_factory=list)
    requests: Requests = field(default_factory=Requests)

    def list(self, prefix: str) -> Iterator[SourceObject]:
        """The objects below a prefix."""
        return (self.stat(key) for key in sorted(self.objects) if key.startswith(prefix))

    def stat(self, source: str) -> SourceObject:
        """An object."""
        if source not in self.objects:
            raise NotFoundError(source)
        return SourceObject(source, len(self.objects[source]), str(hash(self.objects[source])))

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        """Some bytes of it."""
        if planned.source not in self.objects or self.stat(planned.source).etag != planned.etag:
            raise changed(planned.source)
        self.reads.append((planned.source, start, size))
        return self.objects[planned.source][start : start + size]


def slices_of(content: bytes, name: str) -> tuple[MemorySources, list[Slice]]:
    """The slices of an object with this content."""
    sources = MemorySources({name: content})
    return sources, list(split_pictures(sources, sources.stat(name)))


def read_all(sources: MemorySources, slices: list[Slice]) -> list[tuple[str, bytes | InputError]]:
    """The pictures of slices."""
    return [(picture.name, picture.content) for part in slices for picture in pictures_of(sources, part)]


def good(found: list[tuple[str, bytes | InputError]]) -> dict[str, bytes]:
    """The pictures that could be read."""
    return {name: content for name, content in found if isinstance(content, bytes)}


def refusals(found: list[tuple[str, bytes | InputError]]) -> dict[str, str]:
    """Why the others could not."""
    return {name: content.detail for name, content in found if isinstance(content, InputError)}
