"""The bytes of a dropped file, in the version of its event, and the files of its result, invisible until committed.

Lambda restarts a killed or timed-out function in the same sandbox and leaves /tmp as it is ("Lambda execution
environment", failures during the invoke phase): a few tables of gigabytes would fill it, and every other file would
fail. So each function removes what a killed one left there.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.drop.deadline import ENDLESS
from skysort.errors import EmptyInputError, InfrastructureError, LimitExceededError
from skysort.limits import MIB
from skysort.s3.objects import ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from skysort.drop.deadline import FileDeadline
    from skysort.drop.event import Upload
    from skysort.s3.objects import ObjectStore, Target

# Each range is a request of its own, retried on its own, so that no connection has to outlast the work on a file.
RANGE_BYTES: Final = 8 * MIB
_ATTEMPTS: Final = 3
# S3 takes up to 10,000 parts of at least 5 MiB; sizes double every 2,000 parts, up to 496 GiB in all.
PART_BYTES: Final = 8 * MIB
_PARTS_OF_ONE_SIZE: Final = 2_000
_PREFIX: Final = "skysort-drop-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder of this process, removed on exit."""
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as path:
        yield Path(path)


@functools.cache
def sweep_temporary_folders() -> None:
    """Remove, once, the folders of ended processes; call it before this process makes its first."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        if owner == str(os.getpid()) or not _is_alive(owner):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(owner: str) -> bool:
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass  # another user's process
    return True


class SourceFile:
    """One version of a dropped file, and its time limit.

    Reading raises ObjectGoneError, ObjectReplacedError, EmptyInputError or InfrastructureError, and what
    FileDeadline.check raises.
    """

    def __init__(self, store: ObjectStore, upload: Upload, deadline: FileDeadline | None = None) -> None:
        self._store = store
        self.upload = upload
        self._version = ObjectVersion(upload.bucket, upload.key, upload.version_id, upload.etag)
        self.deadline = deadline or ENDLESS.begin()
        self.name = upload.key.rpartition("/")[2]

    def blocks(self) -> Iterator[bytes]:
        """The file in blocks of up to 8 MiB; the next one is prefetched."""
        block, total = self._read(0)
        position = len(block)
        if not block:
            raise EmptyInputError(f"{self.name} is empty: it has no bytes")
        if position >= total:
            yield block
            return
        with ThreadPoolExecutor(1, "fetch") as fetcher:
            while position < total:
                next_block = fetcher.submit(self._read, position)
                yield block
                block, _ = next_block.result()
                if not block:
                    raise InfrastructureError(f"{self._version.key} ended at byte {position:,} of {total:,}")
                position += len(block)
            yield block

    def _read(self, start: int) -> tuple[bytes, int]:
        self.deadline.check()
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._store.read(self._version, start, RANGE_BYTES)
            except InfrastructureError:
                continue
        return self._store.read(self._version, start, RANGE_BYTES)


@contextmanager
def fetched(blocks: Iterable[bytes], limit: int) -> Iterator[Path]:
    """A file in /tmp with these bytes, removed on exit; LimitExceededError beyond limit bytes."""
    with temporary_folder() as folder:
        path = folder / "table"
        size = 0
        with path.open("wb") as file:
            for block in blocks:
                size += len(block)
                if size > limit:
                    raise LimitExceededError(f"a file of this format may have up to {limit // MIB:,} MiB unpacked")
                file.write(block)
        yield path


class DraftFile:
    """One object written in constant memory: while one part is uploaded, the next is filled.

    Small objects are written by one request.
    """

    def __init__(self, store: ObjectStore, target: Target, deadline: FileDeadline | None = None) -> None:
        self._deadline = deadline or ENDLESS.begin()
        self._store = store
        self._target = target
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._uploader = ThreadPoolExecutor(1, "upload")
        self._parts: list[Future[str]] = []
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes, maybe none; raises as FileDeadline.check does, or as the upload of an earlier part did."""
        self._deadline.check()
        self._buffer += data
        self.size += len(data)
        while len(self._buffer) >= (size := self._part_bytes()):
            # A memoryview of a bytearray would pin it; the copy lets the buffer grow.
            part = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
            self._send(part)
        return len(data)

    def _part_bytes(self) -> int:
        return PART_BYTES << (len(self._parts) // _PARTS_OF_ONE_SIZE)

    def _send(self, part: bytes) -> None:
        if self._upload_id is None:
            self._upload_id = self._store.start_parts(self._target)
        if self._parts:
            self._parts[-1].result()
        self._parts.append(
            self._uploader.submit(self._store.put_part, self._target, self._upload_id, len(self._parts) + 1, part)
        )

    def commit(self, replaces: str | None) -> str:
        """Make the object visible in place of the one with this ETag; raises ConflictError, returns its ETag."""
        target = replace(self._target, replaces=replaces)
        if self._upload_id is None:
            return self._store.put(target, bytes(self._buffer))
        if self._buffer:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        etag = self._store.complete_parts(target, self._upload_id, [part.result() for part in self._parts])
        self._upload_id = None
        return etag

    def close(self) -> None:
        """End the upload thread, and abort the upload of parts unless it was completed."""
        self._uploader.shutdown(wait=True)
        if self._upload_id is not None:
            # The bucket's lifecycle rule for unfinished uploads removes what could not be aborted here.
            with suppress(InfrastructureError):
                self._store.abort_parts(self._target, self._upload_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """The files of one result, by suffix (``""`` is the table itself, ``.rejected.csv`` its rejects).

    target: the stamped target of a suffix and a content type.
    """

    store: ObjectStore
    target: Callable[[str, str], Target]
    deadline: FileDeadline | None = None
    files: dict[str, DraftFile] = field(default_factory=dict)

    def open(self, suffix: str, content_type: str) -> DraftFile:
        """The file of a suffix, created on first use."""
        if suffix not in self.files:
            self.files[suffix] = DraftFile(self.store, self.target(suffix, content_type), self.deadline)
        return self.files[suffix]

    def close(self) -> None:
        """Abort whatever was not committed."""
        for file in self.files.values():
            file.close()
