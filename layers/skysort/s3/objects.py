"""What the drop folder needs of an object store; S3 is one (skysort.s3.store), a fake for tests another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from skysort.errors import InfrastructureError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class ConflictError(InfrastructureError):
    """Somebody else wrote the object meanwhile; looking again and redoing the work settles it."""


class ObjectGoneError(NotFoundError):
    """The object, or the version asked for, is not there any more."""


class ObjectReplacedError(NotFoundError):
    """The object was uploaded anew since the event; the newer upload has an event of its own."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store knows of an object beside its bytes."""

    etag: str
    size: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One immutable version of an object: by version id where the bucket keeps them, else by ETag."""

    bucket: str
    key: str
    version_id: str | None
    etag: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to write an object.

    replaces: the ETag of the object that may be replaced, None when there must be none.
    """

    bucket: str
    key: str
    replaces: str | None
    content_type: str
    metadata: Mapping[str, str]


class ObjectStore(Protocol):
    """Conditional reads and writes of objects.

    Every method raises InfrastructureError when the store fails.
    """

    def head(self, bucket: str, keys: Sequence[str]) -> list[StoredObject | None]:
        """What is stored under each key, None where nothing is."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Every key that begins with a prefix."""

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        """Up to size bytes from start, and the size of the whole object.

        Raises ObjectGoneError or ObjectReplacedError.
        """

    def put(self, target: Target, body: bytes) -> str:
        """Write a small object at once and return its ETag; raises ConflictError."""

    def delete(self, bucket: str, key: str, etag: str) -> None:
        """Delete the object if it still is the one with this ETag; otherwise leave it."""

    def start_parts(self, target: Target) -> str:
        """Begin an object that comes in parts; nothing is visible until they are completed."""

    def put_part(self, target: Target, upload_id: str, number: int, body: bytes) -> str:
        """Write part number 1, 2, ... and return its ETag."""

    def complete_parts(self, target: Target, upload_id: str, etags: Sequence[str]) -> str:
        """Make the object of its parts and return its ETag; raises ConflictError."""

    def abort_parts(self, target: Target, upload_id: str) -> None:
        """Forget an object in parts."""
