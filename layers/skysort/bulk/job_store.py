"""The store of bulk jobs: small documents, and large objects that become visible whole, in place of a known state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from skysort.registry.folder_store import FolderStore
from skysort.registry.store import BYTES, ModelStore, S3ModelStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.s3.client import S3Client
    from skysort.s3.objects import ObjectStore

__all__ = ["FolderJobStore", "JobStore", "S3JobStore", "Writer"]


class Writer(Protocol):
    """A large object that is being written; nobody sees it before it is committed."""

    size: int

    def write(self, data: bytes | memoryview, /) -> object:
        """Add bytes."""

    def commit(self, replaces: str | None, /) -> str:
        """Make the object visible in place of the one with this ETag, None for none; returns its ETag.

        Raises ConflictError, after which it may be tried again.
        """

    def close(self) -> None:
        """Drop what was not committed."""


class JobStore(ModelStore, Protocol):
    """Documents and large objects by key."""

    def writer(self, key: str, content_type: str = BYTES) -> Writer:
        """Begin a large object."""


class S3JobStore(S3ModelStore):
    """The results bucket. objects: makes what writes large objects, when the first is written."""

    def __init__(self, s3: S3Client, bucket: str, objects: Callable[[], ObjectStore] | None = None) -> None:
        super().__init__(s3, bucket)
        self._results = bucket
        self._open_objects = objects or _s3_objects
        self._objects: ObjectStore | None = None

    def writer(self, key: str, content_type: str = BYTES) -> Writer:
        """Begin a large object, uploaded in parts beside the work."""
        from skysort.drop.files import DraftFile  # noqa: PLC0415 - the planner writes no large objects
        from skysort.s3.objects import Target  # noqa: PLC0415

        if self._objects is None:
            self._objects = self._open_objects()
        return DraftFile(self._objects, Target(self._results, key, None, content_type, {}))


def _s3_objects() -> ObjectStore:
    from skysort.s3.store import S3Store  # noqa: PLC0415 - with boto3, which few steps need

    return S3Store()


class FolderJobStore(FolderStore):
    """A folder, for jobs without a service."""

    def writer(self, key: str, content_type: str = BYTES) -> Writer:
        """Begin a file."""
        del content_type  # files have none
        return self.draft(key)
