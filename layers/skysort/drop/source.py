"""A dropped file's bytes: exactly those of the event's version, streamed or fetched to /tmp."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.drop import scratch
from skysort.drop.deadline import ENDLESS
from skysort.drop.store import ObjectVersion
from skysort.errors import EmptyInputError, InfrastructureError, LimitExceededError
from skysort.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from skysort.drop.deadline import FileDeadline
    from skysort.drop.event import Upload
    from skysort.drop.store import ObjectStore

# Each range is a request of its own, retried on its own: no connection has to outlive the work on a file.
RANGE_BYTES: Final = 8 * MIB
_ATTEMPTS: Final = 3


class SourceFile:
    """One version of a dropped file, and the time that there is for it.

    Reading raises ObjectGoneError, ObjectReplacedError, EmptyInputError or InfrastructureError, and what
    FileDeadline.check raises.
    """

    def __init__(self, store: ObjectStore, upload: Upload, time: FileDeadline | None = None) -> None:
        self._store = store
        self.upload = upload
        self._version = ObjectVersion(upload.bucket, upload.key, upload.version_id, upload.etag)
        self.time = time or ENDLESS.begin()
        self.name = upload.key.rpartition("/")[2]

    def blocks(self) -> Iterator[bytes]:
        """The file from the beginning in blocks of up to 8 MiB; the next is fetched while one is worked on."""
        block, total = self._read(0)
        position = len(block)
        if not block:
            raise EmptyInputError(f"{self.name} is empty: it has no bytes")
        if position >= total:
            yield block
            return
        with ThreadPoolExecutor(1, "fetch") as fetcher:
            while position < total:
                coming = fetcher.submit(self._read, position)
                yield block
                block, _ = coming.result()
                if not block:
                    raise InfrastructureError(f"{self._version.key} ended at byte {position:,} of {total:,}")
                position += len(block)
            yield block

    def _read(self, start: int) -> tuple[bytes, int]:
        self.time.check()
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._store.read(self._version, start, RANGE_BYTES)
            except InfrastructureError:
                continue
        return self._store.read(self._version, start, RANGE_BYTES)


@contextmanager
def fetched(blocks: Iterable[bytes], limit: int) -> Iterator[Path]:
    """A file in /tmp with these bytes, gone on leaving however one leaves.

    Raises LimitExceededError beyond limit bytes.
    """
    with scratch.folder() as folder:
        path = folder / "table"
        size = 0
        with path.open("wb") as file:
            for block in blocks:
                size += len(block)
                if size > limit:
                    raise LimitExceededError(f"a file of this format may have up to {limit // MIB:,} MiB unpacked")
                file.write(block)
        yield path
