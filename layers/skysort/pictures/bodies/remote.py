"""Pictures that a request names by their key in the drop bucket."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from skysort.drop.keys import INCOMING
from skysort.errors import InputError, LimitExceededError, NotFoundError, SkysortError
from skysort.limits import DROP_KEY_BYTES, IMAGE_BYTES, IMAGE_FETCHED_BYTES_PER_REQUEST, MIB
from skysort.pictures.bodies.request import PictureItem
from skysort.s3.objects import ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.clients import Client
    from skysort.s3.objects import ObjectStore, StoredObject

_READERS: Final = 8
_NEVER_IN_A_KEY: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]|(?:^|/)\.{1,2}(?:/|$)")


def owned(items: Sequence[PictureItem], client: Client) -> list[PictureItem]:
    """The items of a request; keys of other clients' files are reported as not found."""
    return [
        item
        if item.s3_key is None or not item.s3_key.startswith(INCOMING) or client.may_read(item.s3_key)
        # Answered like an absent key, so that clients cannot probe for each other's files.
        else PictureItem(item.id, error=_absent(item.s3_key))
        for item in items
    ]


class DroppedPictures:
    """Reads pictures below incoming/ of one bucket, by default from S3, connecting on first use."""

    def __init__(self, bucket: str, store: ObjectStore | None = None) -> None:
        self._bucket = bucket
        self._store = store

    def __call__(self, keys: Sequence[str]) -> dict[str, bytes | SkysortError]:
        """Fetch pictures concurrently, each key once.

        Returns
        -------
        For each key the bytes or the error: InputError for a key outside incoming/, LimitExceededError for an object
        that is too large or exceeds IMAGE_FETCHED_BYTES_PER_REQUEST in all, NotFoundError, or InfrastructureError.
        """
        faults = {key: _fault(key) for key in keys}
        answers: dict[str, bytes | SkysortError] = {
            key: InputError(f"the s3_key {key!r:.100} {fault}") for key, fault in faults.items() if fault
        }
        inside = [key for key, fault in faults.items() if not fault]
        if not inside:
            return answers
        if self._store is None:
            # boto3 takes 150 ms to import; only callers with an s3_key pay for it.
            from skysort.s3.store import S3Store  # noqa: PLC0415

            self._store = S3Store()
        store = self._store
        try:
            heads = store.head(self._bucket, inside)
        except SkysortError as error:
            return {**answers, **dict.fromkeys(inside, error)}
        wanted: dict[str, StoredObject] = {}
        left = IMAGE_FETCHED_BYTES_PER_REQUEST
        for key, stored in zip(inside, heads, strict=True):
            refusal = _refusal(key, stored, left)
            if refusal is not None:
                answers[key] = refusal
            elif stored is not None:
                left -= stored.size
                wanted[key] = stored
        with ThreadPoolExecutor(_READERS, "fetch") as pool:
            contents = pool.map(lambda key: self._read(store, key, wanted[key]), wanted)
            answers.update(zip(wanted, contents, strict=True))
        return answers

    def _read(self, store: ObjectStore, key: str, stored: StoredObject) -> bytes | SkysortError:
        if not stored.size:
            return b""
        try:
            return store.read(ObjectVersion(self._bucket, key, None, stored.etag), 0, stored.size)[0]
        except SkysortError as error:
            return error


def _fault(key: str) -> str | None:
    """The fault of a key that no dropped file can have; None for a valid one."""
    # Requesting such a key would be an S3 error or, where a proxy normalises paths, read another file.
    if not key.startswith(INCOMING):
        return f"must begin with {INCOMING}"
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > DROP_KEY_BYTES:
        return f"has {size:,} bytes; a dropped file's key has up to {DROP_KEY_BYTES:,}"
    if _NEVER_IN_A_KEY.search(key):
        return "has control characters or a folder named . or .., which no dropped file has"
    return None


def _absent(key: str) -> NotFoundError:
    return NotFoundError(f"the drop bucket has no object {key!r:.200}")


def _refusal(key: str, stored: StoredObject | None, left: int) -> SkysortError | None:
    """The error of an object that must not be read; left: bytes that the request may still fetch."""
    if stored is None:
        return _absent(key)
    if stored.size > IMAGE_BYTES:
        return LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has {stored.size:,} B")
    if stored.size > left:
        max_mib = IMAGE_FETCHED_BYTES_PER_REQUEST // MIB
        return LimitExceededError(
            f"the pictures that a request names by s3_key may have up to {max_mib} MiB together; send this one in a "
            "request of its own"
        )
    return None
