"""Objects in memory that bulk jobs read, and what they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort.bulk.pictures.reading import pictures_of
from skysort.bulk.pictures.split import split_pictures
from skysort.errors import InputError
from tests.fakes.bulk import MemorySources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import Planned


@dataclass
class ReadSources(MemorySources):
    """Remembers what is read. reads: object, first byte, and number of bytes."""

    reads: list[tuple[str, int, int]] = field(default_factory=list)

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        """Some bytes of an object."""
        body = super().read(planned, start, size)
        self.reads.append((planned.source, start, size))
        return body


def sources_of(objects: Mapping[str, bytes]) -> ReadSources:
    """Sources with these objects."""
    return ReadSources(objects=dict(objects))


def slices_of(content: bytes, name: str) -> tuple[ReadSources, list[Slice]]:
    """The slices of an object with this content."""
    sources = sources_of({name: content})
    return sources, list(split_pictures(sources, sources.stat(name)))


def read_all(sources: ReadSources, slices: list[Slice]) -> list[tuple[str, bytes | InputError]]:
    """The pictures of slices."""
    return [(picture.name, picture.content) for part in slices for picture in pictures_of(sources, part)]


def good(found: list[tuple[str, bytes | InputError]]) -> dict[str, bytes]:
    """The pictures that could be read."""
    return {name: content for name, content in found if isinstance(content, bytes)}


def refusals(found: list[tuple[str, bytes | InputError]]) -> dict[str, str]:
    """Why the others could not."""
    return {name: content.detail for name, content in found if isinstance(content, InputError)}
