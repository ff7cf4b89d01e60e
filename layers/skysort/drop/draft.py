"""The files of a result while they are written: nothing is visible before the commit."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from skysort.drop.deadline import ENDLESS
from skysort.errors import InfrastructureError
from skysort.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.drop.deadline import FileDeadline
    from skysort.drop.store import ObjectStore, Target

# S3 takes parts from 5 MiB on, 10,000 of them at most; parts double every 2,000, up to 496 GiB in all.
PART_BYTES: Final = 8 * MIB
_PARTS_OF_ONE_SIZE: Final = 2_000


class Sink(Protocol):
    """Where bytes go, in order."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take some bytes."""


class DraftFile:
    """One object written piece by piece in constant memory.

    While one part is on its way to the store, the next one fills. Small objects go in one request.
    """

    def __init__(self, store: ObjectStore, target: Target, time: FileDeadline | None = None) -> None:
        self._time = time or ENDLESS.begin()
        self._store = store
        self._target = target
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._uploader = ThreadPoolExecutor(1, "upload")
        self._parts: list[Future[str]] = []
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes; none is a way to ask whether there is time left.

        Raises InfrastructureError, also for an earlier part that failed, and what FileDeadline.check raises.
        """
        self._time.check()
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
        """Make the object visible in place of the one with this ETag (None: of none); returns its ETag.

        Raises ConflictError when somebody else wrote it meanwhile.
        """
        target = replace(self._target, replaces=replaces)
        if self._upload_id is None:
            return self._store.put(target, bytes(self._buffer))
        if self._buffer:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        return self._store.complete_parts(target, self._upload_id, [part.result() for part in self._parts])

    def close(self, *, committed: bool) -> None:
        """Let go of the thread, and of the parts unless they became an object."""
        self._uploader.shutdown(wait=True)
        if self._upload_id is not None and not committed:
            try:
                self._store.abort_parts(self._target, self._upload_id)
            except InfrastructureError:
                # The bucket's lifecycle rule for unfinished uploads removes what could not be aborted here.
                return


class Draft:
    """The files of one result, by suffix (``""`` is the table itself, ``.rejected.csv`` its rejects).

    target: where a file of a suffix goes, stamped, in place of what stands there. time: that there is for it.
    """

    def __init__(
        self, store: ObjectStore, target: Callable[[str, str], Target], time: FileDeadline | None = None
    ) -> None:
        self._time = time
        self.store = store
        self.target = target
        self.files: dict[str, DraftFile] = {}
        self._committed: set[str] = set()

    def open(self, suffix: str, content_type: str) -> DraftFile:
        """The file of a suffix, begun on first use."""
        if suffix not in self.files:
            self.files[suffix] = DraftFile(self.store, self.target(suffix, content_type), self._time)
        return self.files[suffix]

    def commit(self, suffix: str, replaces: str | None) -> str:
        """Make one file visible; returns its ETag; raises ConflictError."""
        etag = self.files[suffix].commit(replaces)
        self._committed.add(suffix)
        return etag

    def close(self) -> None:
        """Forget whatever was not committed."""
        for suffix, file in self.files.items():
            file.close(committed=suffix in self._committed)
