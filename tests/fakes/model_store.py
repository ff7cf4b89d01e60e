"""The models bucket in memory, with conditions, and faults on request."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysort.errors import NotFoundError
from skysort.registry.pointer import Pointers
from skysort.registry.store import BYTES, ConflictError, ListedObject, StoredDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skysort.registry.store import ModelStore


@dataclass
class MemoryModelStore:
    """before: called with the name of each operation and its key; a test raises or changes the store there.

    writes: the keys written, in order. modified: of every document, since its time matters to few.
    """

    before: Callable[[str, str], None] = lambda _operation, _key: None
    objects: dict[str, bytes] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    modified: str = "2026-01-01T00:00:00.000Z"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> StoredDocument:
        self.before("get", key)
        body = self._body(key)
        return StoredDocument(body, etag_of(body))

    def get_if_changed(self, key: str, etag: str) -> StoredDocument | None:
        self.before("get_if_changed", key)
        body = self._body(key)
        return None if etag_of(body) == etag else StoredDocument(body, etag_of(body))

    def get_range(self, key: str, start: int, size: int) -> bytes:
        self.before("get_range", key)
        return self._body(key)[start : start + size]

    def put(self, key: str, body: bytes, *, content_type: str = BYTES, replaces: str | None = None) -> str:
        assert content_type
        self.before("put", key)
        with self._lock:
            current = self.objects.get(key)
            if (None if current is None else etag_of(current)) != replaces:
                raise ConflictError(f"{key} was changed concurrently")
            self.objects[key] = body
            self.writes.append(key)
        return etag_of(body)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        self.before("list", prefix)
        keys = sorted((key for key in self.objects if key.startswith(prefix)), key=str.encode)
        bodies = [(key, self.objects[key]) for key in keys]
        return iter([ListedObject(key, len(body), self.modified, etag_of(body)) for key, body in bodies])

    def folders(self, prefix: str) -> Iterator[str]:
        self.before("folders", prefix)
        below = (key.removeprefix(prefix) for key in self.objects if key.startswith(prefix))
        return iter(sorted({rest.partition("/")[0] for rest in below if "/" in rest}))

    def delete(self, key: str) -> None:
        self.before("delete", key)
        self.objects.pop(key, None)

    def _body(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise NotFoundError(key) from None


def etag_of(body: bytes) -> str:
    """As S3's of an object in one piece."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def live_version(store: ModelStore, name: str, owner: str = "shared") -> str | None:
    """The live version of a model, if there is one."""
    try:
        return Pointers(store).read(owner, name).live
    except NotFoundError:
        return None
