"""Large objects of bulk jobs: whole or not there, and in place of a known state alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from skysort.bulk.job_store import FolderJobStore, S3JobStore
from skysort.drop.files import PART_BYTES
from skysort.registry.store import ConflictError
from tests.fakes.bulk import MemoryJobStore
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from skysort.bulk.job_store import JobStore

KEY = "bulk/shared/j/data/block=0000/part-00000.parquet"


class Bucket:
    """A store, and what others see in it."""

    def __init__(self, store: JobStore, read: Callable[[], bytes | None]) -> None:
        self.store, self.read = store, read


def in_folder(path: Path) -> Bucket:
    file = path / "results" / KEY
    return Bucket(FolderJobStore(path / "results"), lambda: file.read_bytes() if file.exists() else None)


def in_bucket(_path: Path) -> Bucket:
    objects = MemoryStore()
    store = S3JobStore(cast("Any", None), "results", lambda: objects)
    return Bucket(store, lambda: objects.listing().get(KEY))


def in_memory(_path: Path) -> Bucket:
    store = MemoryJobStore()
    return Bucket(store, lambda: store.objects.get(KEY))


@pytest.fixture(params=[in_folder, in_bucket, in_memory])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    made: Bucket = request.param(tmp_path)
    return made


@pytest.mark.parametrize("size", [0, 10, PART_BYTES + 10], ids=["empty", "small", "in parts"])
def test_an_object_is_seen_when_it_is_whole(bucket: Bucket, size: int) -> None:
    writer = bucket.store.writer(KEY)

    writer.write(b"x" * size)
    writer.write(memoryview(b"end"))
    assert bucket.read() is None
    writer.commit(None)
    writer.close()

    assert bucket.read() == b"x" * size + b"end"
    assert writer.size == size + 3


def test_an_object_that_was_not_committed_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    writer = bucket.store.writer(KEY)
    writer.write(b"half")
    writer.close()

    assert bucket.read() is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]


def test_an_object_replaces_the_state_that_is_named_and_may_be_tried_again(bucket: Bucket) -> None:
    first = bucket.store.writer(KEY)
    first.write(b"one")
    etag = first.commit(None)
    first.close()

    second = bucket.store.writer(KEY)
    second.write(b"two")
    with pytest.raises(ConflictError):
        second.commit(None)
    assert bucket.read() == b"one"
    assert second.commit(etag) != etag
    second.close()

    assert bucket.read() == b"two"


def test_the_same_content_has_the_same_etag(bucket: Bucket) -> None:
    etags: list[str] = []
    for _ in range(2):
        writer = bucket.store.writer(KEY)
        writer.write(b"the same")
        etags.append(writer.commit(etags[-1] if etags else None))
        writer.close()

    assert etags[0] == etags[1]
