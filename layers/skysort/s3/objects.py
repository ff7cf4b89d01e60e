"""The object store of the drop folder; implemented by S3 (skysort.s3.store) and by a fake for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from skysort.errors import InfrastructureError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class ConflictError(InfrastructureError):
    """The object was changed concurrently; reading it again and retrying resolves the conflict."""


class ObjectGoneError(NotFoundError):
    """The object, or the requested version, no longer exists."""


class ObjectReplacedError(NotFoundError):
    """The object was uploaded again since the event; the newer upload has an event of its own."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's properties, without its bytes."""

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

    replaces: the ETag of the object that may be replaced, None if none may exist.
    """

    bucket: str
    key: str
    replaces: str | None
    content_type: str
    metadata: Mapping[str, str]


class ObjectStore(Protocol):
    """Conditional reads and writes of objects.

    Every method raises InfrastructureError if the store fails.
    """

    def head(self, bucket: str, keys: Sequence[str]) -> list[StoredObject | None]:
        """The object of each key, None if there is none."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Every key that begins with a prefix."""

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        """Up to size bytes from start, and the size of the whole object.

        Raises ObjectGoneError or ObjectReplacedError.
        """

    def put(self, target: Target, body: bytes) -> str:
        """Write a small object by one request and return its ETag; raises ConflictError."""

    def delete(self, bucket: str, key: str, etag: str) -> None:
        """Delete the object if it still has this ETag."""

    def start_parts(self, target: Target) -> str:
        """Create a multipart upload and return its id; nothing is visible until it is completed."""

    def put_part(self, target: Target, upload_id: str, number: int, body: bytes) -> str:
        """Write part number 1, 2, ... and return its ETag."""

    def complete_parts(self, target: Target, upload_id: str, etags: Sequence[str]) -> str:
        """Complete a multipart upload and return the object's ETag; raises ConflictError."""

    def abort_parts(self, target: Target, upload_id: str) -> None:
        """Abort a multipart upload."""
