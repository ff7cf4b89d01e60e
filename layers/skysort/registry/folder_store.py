"""The documents of the models bucket in a folder, for the command line without a service."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import BYTES, ConflictError, ListedObject, StoredDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_LOCK: Final = ".lock"


class FolderStore:
    """The documents as files below a folder, which is created. Processes that write at once exclude each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _faults(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> StoredDocument:
        """A document; raises NotFoundError."""
        body = self._read(key)
        return StoredDocument(body, _etag(body))

    def get_if_changed(self, key: str, etag: str) -> StoredDocument | None:
        """The document, None if it still has this ETag; raises NotFoundError."""
        document = self.get(key)
        return None if document.etag == etag else document

    def get_range(self, key: str, start: int, size: int) -> bytes:
        """Up to size bytes of a document from start; raises NotFoundError."""
        return self._read(key, start, size)

    def put(self, key: str, body: bytes, *, content_type: str = BYTES, replaces: str | None = None) -> str:  # noqa: ARG002 - files have no type
        """Write a document and return its ETag; raises ConflictError."""
        draft = self.draft(key)
        try:
            draft.write(body)
            return draft.commit(replaces)
        finally:
            draft.close()

    def draft(self, key: str) -> FileDraft:
        """Begin a file, which becomes a document as a whole."""
        path = self._path(key)
        with _faults(path):
            return FileDraft(path, self._folder, self._alone)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The documents whose keys begin with a prefix, by key."""
        # Only the folder that the prefix lies in is searched.
        above = self._folder / prefix.rpartition("/")[0]
        found = []
        with _faults(above):
            for path in above.rglob("*"):
                key = path.relative_to(self._folder).as_posix()
                if key.startswith(prefix) and not path.name.startswith(_LOCK) and path.is_file():
                    status = path.stat()
                    modified = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="milliseconds")
                    with path.open("rb") as file:
                        etag = hashlib.file_digest(file, "sha256").hexdigest()
                    found.append(ListedObject(key, status.st_size, modified.replace("+00:00", "Z"), etag))
        return iter(sorted(found, key=lambda item: item.key.encode()))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders directly below a prefix that ends in a slash."""
        above = self._folder / prefix
        with _faults(above):
            return iter(sorted(path.name for path in above.iterdir() if path.is_dir()) if above.is_dir() else [])

    def delete(self, key: str) -> None:
        """Delete a document, if there is one."""
        path = self._path(key)
        with _faults(path), self._alone():
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not key or {"", ".", ".."} & set(key.split("/")):
            raise InfrastructureError(f"{key!r} is no key of a folder store")
        return self._folder / key

    def _read(self, key: str, start: int = 0, size: int = -1) -> bytes:
        path = self._path(key)
        with _faults(path):
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    return file.read(size)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise NotFoundError(f"{path} does not exist") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Exclude every other writer of this folder, in any process."""
        with (self._folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class FileDraft:
    """A file that is being written beside the documents; readers see the old document or the new one, never a part.

    alone: excludes other writers of the folder.
    """

    def __init__(self, path: Path, folder: Path, alone: Callable[[], AbstractContextManager[None]]) -> None:
        self._path = path
        self._alone = alone
        handle, name = tempfile.mkstemp(dir=folder, prefix=_LOCK)
        self._file = os.fdopen(handle, "wb")
        self._draft = Path(name)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Add bytes."""
        with _faults(self._path):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def commit(self, replaces: str | None) -> str:
        """Make it the document in place of the one with this ETag, and return its own; raises ConflictError."""
        path = self._path
        with _faults(path):
            self._file.flush()
            with self._alone():
                current = _etag(path.read_bytes()) if path.is_file() else None
                if current != replaces:
                    raise ConflictError(f"{path} was changed concurrently")
                path.parent.mkdir(parents=True, exist_ok=True)
                self._draft.replace(path)
        return self._hash.hexdigest()

    def close(self) -> None:
        """Remove the draft, unless it was committed."""
        self._file.close()
        self._draft.unlink(missing_ok=True)


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Turn every error of the file system into an InfrastructureError."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"{path}: {error.strerror or error}") from error
