"""The store of the models bucket: small documents, written on conditions; in S3 here, in a folder in folder_store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from skysort.s3.client import ListedObject, StoredDocument
from skysort.s3.objects import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.s3.client import S3Client

__all__ = ["BYTES", "JSON", "ConflictError", "ListedObject", "ModelStore", "S3ModelStore", "StoredDocument"]

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"


class ModelStore(Protocol):
    """Small documents by key.

    Every method raises InfrastructureError if the store fails.
    """

    def get(self, key: str) -> StoredDocument:
        """A document; raises NotFoundError."""

    def get_if_changed(self, key: str, etag: str) -> StoredDocument | None:
        """The document, None if it still has this ETag; raises NotFoundError."""

    def get_range(self, key: str, start: int, size: int) -> bytes:
        """Up to size bytes of a document from start; raises NotFoundError."""

    def put(self, key: str, body: bytes, *, content_type: str = BYTES, replaces: str | None = None) -> str:
        """Write a document and return its ETag.

        replaces: the ETag of the document that may be replaced, None if none may exist; raises ConflictError.
        """

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The documents whose keys begin with a prefix, by key."""

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below a prefix that ends in a slash."""

    def delete(self, key: str) -> None:
        """Delete a document, if there is one."""


class S3ModelStore:
    """The documents of a bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    @classmethod
    def from_environment(cls, bucket: str, environment: Mapping[str, str]) -> Self:
        """The bucket, with the region and credentials of a function's environment."""
        from skysort.s3.client import S3Client  # noqa: PLC0415 - loaded by functions that use it
        from skysort.s3.signature import Addressing, Credentials, Signer  # noqa: PLC0415

        addressing = Addressing.from_environment(environment)
        return cls(S3Client(addressing, Signer(Credentials.from_environment(environment), addressing.region)), bucket)

    def get(self, key: str) -> StoredDocument:
        """A document; raises NotFoundError."""
        return self._s3.get(self._bucket, key)

    def get_if_changed(self, key: str, etag: str) -> StoredDocument | None:
        """The document, None if it still has this ETag; raises NotFoundError."""
        return self._s3.get_if_changed(self._bucket, key, etag)

    def get_range(self, key: str, start: int, size: int) -> bytes:
        """Up to size bytes of a document from start; raises NotFoundError."""
        return self._s3.read(self._bucket, key, start, size)

    def put(self, key: str, body: bytes, *, content_type: str = BYTES, replaces: str | None = None) -> str:
        """Write a document and return its ETag; raises ConflictError."""
        return self._s3.put(self._bucket, key, body, content_type, replaces)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The documents whose keys begin with a prefix, by key."""
        for page in self._s3.list(self._bucket, prefix):
            yield from page

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below a prefix that ends in a slash."""
        return self._s3.folders(self._bucket, prefix)

    def delete(self, key: str) -> None:
        """Delete a document, if there is one."""
        self._s3.delete(self._bucket, key)
