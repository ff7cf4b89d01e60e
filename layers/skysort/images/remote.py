"""Pictures that a request names by their key in the drop bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.drop.store import ObjectVersion
from skysort.errors import InputError, LimitExceededError, NotFoundError
from skysort.limits import IMAGE_BYTES, MIB

if TYPE_CHECKING:
    from skysort.drop.store import ObjectStore

# The only part of the bucket that callers put files into.
INCOMING: Final = "incoming/"


class DroppedPictures:
    """Reads pictures below incoming/ of one bucket.

    store: by default S3, connected on first use.
    """

    def __init__(self, bucket: str, store: ObjectStore | None = None) -> None:
        self._bucket = bucket
        self._store = store

    def __call__(self, key: str) -> bytes:
        """The bytes of one object.

        Raises InputError for a key outside incoming/, LimitExceededError, NotFoundError and InfrastructureError.
        """
        if not key.startswith(INCOMING):
            raise InputError(f"an s3_key begins with {INCOMING}, this one is {key!r:.100}")
        store = self._connected()
        found = store.head(self._bucket, [key])[0]
        if found is None:
            raise NotFoundError(f"there is no object {key!r:.200} in the drop bucket")
        if found.size > IMAGE_BYTES:
            raise LimitExceededError(
                f"a picture may have up to {IMAGE_BYTES // MIB} MiB, this one has {found.size:,} B"
            )
        if not found.size:
            return b""
        return store.read(ObjectVersion(self._bucket, key, None, found.etag), 0, found.size)[0]

    def _connected(self) -> ObjectStore:
        if self._store is None:
            # boto3 takes 150 ms to import; only callers with an s3_key pay for it.
            from skysort.drop.s3 import S3Store  # noqa: PLC0415

            self._store = S3Store()
        return self._store
