"""A dropped file's bytes as its event's version has them, and the files of its result, invisible until the commit.

Lambda starts a function anew in the same sandbox after it was killed or ran out of time, and leaves /tmp as it is
("Lambda execution environment", failures during the invoke phase): a few tables of gigabytes would fill it, and every
other file would fail for want of room. So what a killed function left there, the next one takes away.
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

# Each range is a request of its own, retried on its own: no connection has to outlive the work on a file.
RANGE_BYTES: Final = 8 * MIB
_ATTEMPTS: Final = 3
# S3 takes parts from 5 MiB on, 10,000 of them at most; parts double every 2,000, up to 496 GiB in all.
PART_BYTES: Final = 8 * MIB
_PARTS_OF_ONE_SIZE: Final = 2_000
_PREFIX: Final = "skysort-drop-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of this process, gone on leaving however one leaves."""
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as path:
        yield Path(path)


@functools.cache
def sweep_temporary_folders() -> None:
    """Remove, once, the folders of processes that are no more; to be called before this process makes its first."""
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
        pass  # somebody else's, and so not ours to take
    return True


class SourceFile:
    """One version of a dropped file, and the time that there is for it.

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
        self.deadline.check()
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._store.read(self._version, start, RANGE_BYTES)
            except InfrastructureError:
                continue
        return self._store.read(self._version, start, RANGE_BYTES)


@contextmanager
def fetched(blocks: Iterable[bytes], limit: int) -> Iterator[Path]:
    """A file in /tmp with these bytes, gone on leaving however one leaves; LimitExceededError beyond limit bytes."""
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
    """One object written piece by piece in constant memory.

    While one part is on its way to the store, the next one fills. Small objects go in one request.
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
        """Take some bytes, none to ask for time; raises what FileDeadline.check and, also earlier, an upload raises."""
        self._deadline.check()
        self._buffer += data
        self.size += len(data)
        while len(self._buffer) >= (size := self._part_bytes()):
            # A memoryview of a bytearray would pin it; the copy lets the buffer go on growing.
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
        """Let go of the thread, and of the parts unless they became an object."""
        self._uploader.shutdown(wait=True)
        if self._upload_id is not None:
            # The bucket's lifecycle rule for unfinished uploads removes what could not be aborted here.
            with suppress(InfrastructureError):
                self._store.abort_parts(self._target, self._upload_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """The files of one result, by suffix (``""`` is the table itself, ``.rejected.csv`` its rejects).

    target: where a file of a suffix goes, stamped, in place of what stands there.
    """

    store: ObjectStore
    target: Callable[[str, str], Target]
    deadline: FileDeadline | None = None
    files: dict[str, DraftFile] = field(default_factory=dict)

    def open(self, suffix: str, content_type: str) -> DraftFile:
        """The file of a suffix, begun on first use."""
        if suffix not in self.files:
            self.files[suffix] = DraftFile(self.store, self.target(suffix, content_type), self.deadline)
        return self.files[suffix]

    def close(self) -> None:
        """Forget whatever was not committed."""
        for file in self.files.values():
            file.close()
