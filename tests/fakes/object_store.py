"""An object store in memory, with versions, conditions, and faults on request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort.drop.event import Upload
from skysort.s3.objects import (
    ConflictError,
    ObjectGoneError,
    ObjectReplacedError,
    ObjectVersion,
    StoredObject,
    Target,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Item:
    body: bytes
    etag: str
    metadata: Mapping[str, str]
    content_type: str = ""


def etag_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass
class MemoryStore:
    """before: called with the name of each operation and its key; a test raises or changes the store there."""

    before: Callable[[str, str], None] = lambda _operation, _key: None
    objects: dict[tuple[str, str], Item] = field(default_factory=dict)
    versions: dict[tuple[str, str, str], Item] = field(default_factory=dict)
    unfinished: dict[str, dict[int, bytes]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    _count: int = 0

    # What a user does.

    def upload(self, key: str, body: bytes, bucket: str = "drop", *, versioned: bool = True) -> Upload:
        self._count += 1
        version = f"v{self._count}" if versioned else None
        item = Item(body, etag_of(body), {})
        self.objects[bucket, key] = item
        if version:
            self.versions[bucket, key, version] = item
        sequencer = f"{self._count:012X}"
        return Upload(bucket, key, version, item.etag, len(body), sequencer, "2026-01-01T00:00:00.000Z")

    def remove(self, key: str, bucket: str = "drop") -> None:
        del self.objects[bucket, key]

    def listing(self, bucket: str = "results") -> dict[str, bytes]:
        return {key: item.body for (owner, key), item in sorted(self.objects.items()) if owner == bucket}

    # What skysort does.

    def head(self, bucket: str, keys: Sequence[str]) -> list[StoredObject | None]:
        for key in keys:
            self.before("head", key)
        items = [self.objects.get((bucket, key)) for key in keys]
        return [StoredObject(item.etag, len(item.body), item.metadata) if item else None for item in items]

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        self.before("list", prefix)
        return iter([key for owner, key in self.objects if owner == bucket and key.startswith(prefix)])

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        self.before("read", source.key)
        if source.version_id:
            item = self.versions.get((source.bucket, source.key, source.version_id))
        else:
            item = self.objects.get((source.bucket, source.key))
        if item is None:
            raise ObjectGoneError("gone")
        if source.version_id is None and item.etag != source.etag:
            raise ObjectReplacedError("replaced")
        return item.body[start : start + size], len(item.body)

    def put(self, target: Target, body: bytes) -> str:
        self.before("put", target.key)
        return self._write(target, body, etag_of(body))

    def _write(self, target: Target, body: bytes, etag: str) -> str:
        standing = self.objects.get((target.bucket, target.key))
        if (standing.etag if standing else None) != target.replaces:
            raise ConflictError(f"{target.key} was changed concurrently")
        self.objects[target.bucket, target.key] = Item(body, etag, target.metadata, target.content_type)
        self.writes.append(target.key)
        return etag

    def delete(self, bucket: str, key: str, etag: str) -> None:
        self.before("delete", key)
        standing = self.objects.get((bucket, key))
        if standing and standing.etag == etag:
            del self.objects[bucket, key]

    def start_parts(self, target: Target) -> str:
        self.before("start_parts", target.key)
        self._count += 1
        upload_id = f"upload-{self._count}"
        self.unfinished[upload_id] = {}
        return upload_id

    def put_part(self, target: Target, upload_id: str, number: int, body: bytes) -> str:
        self.before("put_part", target.key)
        self.unfinished[upload_id][number] = body
        return etag_of(body)

    def complete_parts(self, target: Target, upload_id: str, etags: Sequence[str]) -> str:
        self.before("complete_parts", target.key)
        parts = self.unfinished[upload_id]
        assert [etag_of(parts[number]) for number in range(1, len(parts) + 1)] == list(etags)
        body = b"".join(parts[number] for number in range(1, len(parts) + 1))
        etag = self._write(target, body, f"{etag_of(body)}-{len(parts)}")
        del self.unfinished[upload_id]
        return etag

    def abort_parts(self, target: Target, upload_id: str) -> None:
        self.before("abort_parts", target.key)
        self.unfinished.pop(upload_id, None)
