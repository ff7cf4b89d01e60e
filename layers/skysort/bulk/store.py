"""Where a job's sources lie: objects of S3, or files of a folder, read in ranges of the state that was planned."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from skysort.bulk.access import located
from skysort.bulk.listing import listing
from skysort.errors import InfrastructureError, InputError, NotFoundError
from skysort.limits import MIB
from skysort.s3.objects import ObjectReplacedError, ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skysort.bulk.access import Located
    from skysort.s3.client import ListedObject, S3Client

# Each range is a request of its own, retried on its own, so that no connection has to outlast the work on it.
RANGE_BYTES: Final = 8 * MIB


class SourceChangedError(InputError):
    """A source object is not the one that was planned."""


class Planned(Protocol):
    """An object in the state that was planned: a SourceObject, or a slice of it."""

    @property
    def source(self) -> str:
        """Its key in the drop bucket, or its s3:// URI; in a folder, the path in it."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def etag(self) -> str:
        """Its ETag, without quotes."""

    @property
    def version(self) -> str | None:
        """Its version, where the bucket keeps them and it is known."""


class SourceObject(NamedTuple):
    """An object as a listing shows it; see Planned."""

    source: str
    size: int
    etag: str
    version: str | None = None


@dataclass(slots=True)
class Requests:
    """Requests that were made, for the job's cost. lists: pages of listings, which cost as much as writes."""

    get: int = 0
    lists: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, get: int = 0, lists: int = 0) -> None:
        """Add some, from any thread."""
        with self._lock:
            self.get += get
            self.lists += lists


class SourceStore(Protocol):
    """Source objects. Every method raises InfrastructureError if the store fails."""

    requests: Requests

    def list(self, prefix: str) -> Iterator[SourceObject]:
        """The objects below a prefix, the first ones by key; raises NotFoundError if there is no such bucket."""

    def stat(self, source: str) -> SourceObject:
        """An object; raises NotFoundError."""

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        """Up to size bytes from start, by one request; raises SourceChangedError."""


def blocks(sources: SourceStore, planned: Planned, start: int, end: int, size: int = RANGE_BYTES) -> Iterator[bytes]:
    """The bytes from start to end, in blocks, of which the next is fetched while one is used.

    Parameters
    ----------
    sources, planned
        The object.
    start, end
        The bytes; the end is not included.
    size
        The largest block.

    Yields
    ------
    Blocks.

    Raises
    ------
    SourceChangedError
        If the object is another by now, or shorter.
    """
    starts = range(start, end, size)

    def fetch(position: int) -> bytes:
        wanted = min(size, end - position)
        block = sources.read(planned, position, wanted)
        if len(block) < wanted:
            raise changed(planned.source)
        return block

    if len(starts) <= 1:
        for position in starts:
            yield fetch(position)
        return
    with ThreadPoolExecutor(1, "fetch") as fetcher:
        upcoming = fetcher.submit(fetch, start)
        for position in starts:
            block = upcoming.result()
            if position + size < end:
                upcoming = fetcher.submit(fetch, position + size)
            yield block


def changed(source: str) -> SourceChangedError:
    """The error for an object that is another by now."""
    return SourceChangedError(f"the file {source} changed while it was read; start a new job")


class S3Sources:
    """Objects of the drop bucket by key, and of any bucket by URI.

    Whoever uses it has checked that the caller may read what is named (skysort.bulk.access).
    """

    def __init__(self, s3: S3Client, drop_bucket: str) -> None:
        self._s3 = s3
        self._drop = drop_bucket
        self.requests = Requests()

    def list(self, prefix: str) -> Iterator[SourceObject]:
        """The objects below a prefix, the first ones by key; raises NotFoundError if there is no such bucket."""
        bucket, key = self._place(prefix)
        above = prefix.removesuffix(key)

        def pages(after: str) -> Iterator[list[ListedObject]]:
            for page in self._s3.list(bucket, key, after):
                self.requests.count(lists=1)
                yield page

        with _existing(bucket):
            for page in listing(pages, key):
                for item in page:
                    yield SourceObject(above + item.key, item.size, item.etag)

    def stat(self, source: str) -> SourceObject:
        """An object; raises NotFoundError."""
        self.requests.count(get=1)
        bucket, key = self._place(source)
        with _existing(bucket):
            found = self._s3.head(bucket, key)
        return SourceObject(source, found.size, found.etag, found.version)

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        """Up to size bytes from start, by one request; raises SourceChangedError."""
        self.requests.count(get=1)
        bucket, key = self._place(planned.source)
        try:
            return self._s3.read_version(ObjectVersion(bucket, key, planned.version, planned.etag), start, size)
        except (NotFoundError, ObjectReplacedError) as error:
            raise changed(planned.source) from error

    def _place(self, source: str) -> Located:
        return located(source, self._drop)


@contextmanager
def _existing(bucket: str) -> Iterator[None]:
    from skysort.s3.client import NoSuchBucketError  # noqa: PLC0415 - a folder needs no client

    try:
        yield
    except NoSuchBucketError as error:
        raise NotFoundError(f"there is no bucket {bucket}") from error


class FolderSources:
    """Files below a folder, by their paths in it. The ETag is made of the size, time and number of a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.requests = Requests()

    def list(self, prefix: str) -> Iterator[SourceObject]:
        """The files whose paths begin with a prefix, in the order of S3, without hidden ones."""
        folder, _, name = prefix.rpartition("/")
        with _faults(prefix):
            yield from self._below(f"{folder}/" if folder else "", name)

    def _below(self, folder: str, name: str) -> Iterator[SourceObject]:
        try:
            with os.scandir(self._folder / folder) as entries:
                found = [(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return
        # The slash takes part in the order, as in the keys of S3.
        for each in sorted(found, key=os.fsencode):
            if each.startswith(".") or not each.startswith(name):
                continue
            if each.endswith("/"):
                yield from self._below(folder + each, "")
            elif (self._folder / folder / each).is_file():
                yield self.stat(folder + each)

    def stat(self, source: str) -> SourceObject:
        """A file; raises NotFoundError."""
        path = self._path(source)
        with _faults(source):
            if not path.is_file():
                raise NotFoundError(f"{path} does not exist")
            status = path.stat()
        return SourceObject(source, status.st_size, _etag(status))

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        """Up to size bytes from start; raises SourceChangedError."""
        self.requests.count(get=1)
        with _faults(planned.source):
            try:
                # Without a buffer, whose making takes longer than to read a small file.
                with self._path(planned.source).open("rb", buffering=0) as file:
                    body = os.pread(file.fileno(), size, start)
                    # Compared after reading: whoever writes changes the time before or after.
                    if _etag(os.fstat(file.fileno())) != planned.etag:
                        raise changed(planned.source)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise changed(planned.source) from None
        return body

    def _path(self, source: str) -> Path:
        if not source or source.startswith("/") or {".", ".."} & set(source.split("/")):
            raise NotFoundError(f"{source!r} is no path below {self._folder}")
        return self._folder / source


def _etag(status: os.stat_result) -> str:
    return f"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"


@contextmanager
def _faults(source: str) -> Iterator[None]:
    """Turn every error of the file system into an InfrastructureError."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"{source}: {error.strerror or error}") from error
