"""The two buckets of the drop folder in memory, listed in pages as S3 lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skysort.drop import keys
from skysort.errors import NotFoundError
from skysort.s3.client import ListedObject

if TYPE_CHECKING:
    from collections.abc import Iterator

DROP, RESULTS = "drop", "results"


@dataclass
class MemoryBuckets:
    """page: objects of one listing request. requests: how many were made, by bucket."""

    page: int = 1_000
    objects: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    etags: dict[tuple[str, str], str] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    _clock: int = 0

    # What users and the drop functions do.

    def put(self, bucket: str, key: str, body: bytes = b"", modified: str | None = None, etag: str = "") -> None:
        self._clock += 1
        self.etags[bucket, key] = etag or f"{self._clock:032x}"
        self.objects[bucket, key] = (body, modified or f"2026-01-01T00:00:00.{self._clock:06}Z")

    def drop(self, model: str, batch: str, *names: str, etag: str = "") -> None:
        for name in names:
            self.put(DROP, f"incoming/{model}/{batch}/{name}", b"picture", etag=etag)

    def finish(self, model: str, batch: str, name: str, record: dict[str, Any] | None = None) -> None:
        body = json.dumps(record or {"predictions": []}).encode()
        self.put(RESULTS, keys.result_key(f"{model}/{batch}/{name}", keys.SUMMARY), body)

    def fail(
        self, model: str, batch: str, name: str, detail: str = "broken", record: dict[str, Any] | None = None
    ) -> None:
        body = json.dumps({"type": "urn:x", "detail": detail, "source": {}, **(record or {})}).encode()
        self.put(RESULTS, keys.result_key(f"{model}/{batch}/{name}", keys.ERROR), body)

    # What skysort does.

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        matching_keys = sorted(
            (key for owner, key in self.objects if owner == bucket and key.startswith(prefix) and key > after),
            key=str.encode,
        )
        pages = [list(page) for page in _pages(matching_keys, self.page)] or [[]]
        for page in pages:
            self.requests[bucket] = self.requests.get(bucket, 0) + 1
            yield [self._listed(bucket, key) for key in page]

    def _listed(self, bucket: str, key: str) -> ListedObject:
        body, modified = self.objects[bucket, key]
        return ListedObject(key, len(body), modified, self.etags[bucket, key])

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        self.requests["read"] = self.requests.get("read", 0) + 1
        try:
            body = self.objects[bucket, key][0]
        except KeyError:
            raise NotFoundError(key) from None
        return body[start : None if size is None else start + size]


def _pages(matching_keys: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(matching_keys), size):
        yield matching_keys[start : start + size]
