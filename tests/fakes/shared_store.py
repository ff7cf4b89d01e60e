"""An object store that several processes see: the one in memory, kept in a file between its operations."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from skysort.drop.event import Upload
    from skysort.s3.objects import ObjectVersion, StoredObject, Target


class SharedStore(MemoryStore):
    """path: the file. One process works at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def _load(self) -> None:
        if self._path.exists():
            self.objects, self.versions, self._count = pickle.loads(self._path.read_bytes())

    def _save(self) -> None:
        self._path.write_bytes(pickle.dumps((self.objects, self.versions, self._count)))

    def upload(self, key: str, body: bytes, bucket: str = "drop", *, versioned: bool = True) -> Upload:
        self._load()
        upload = super().upload(key, body, bucket, versioned=versioned)
        self._save()
        return upload

    def listing(self, bucket: str = "results") -> dict[str, bytes]:
        self._load()
        return super().listing(bucket)

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        self._load()
        return super().keys(bucket, prefix)

    def head(self, bucket: str, keys: Sequence[str]) -> list[StoredObject | None]:
        self._load()
        return super().head(bucket, keys)

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        self._load()
        return super().read(source, start, size)

    def put(self, target: Target, body: bytes) -> str:
        self._load()
        etag = super().put(target, body)
        self._save()
        return etag

    def delete(self, bucket: str, key: str, etag: str) -> None:
        self._load()
        super().delete(bucket, key, etag)
        self._save()
