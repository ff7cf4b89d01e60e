"""A file that refuses to give more than its reader should hold in memory, or more than was agreed altogether."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final, Self

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import ARCHIVE_DIRECTORY_BYTES, MIB

if TYPE_CHECKING:
    from types import TracebackType

_CHUNK: Final = 1 * MIB


class BoundedFile:
    """A seekable file for zipfile and tarfile, whose own reads are of headers and directories.

    A read of more than ARCHIVE_DIRECTORY_BYTES at once, or so much between two calls of forget_headers, raises
    LimitExceededError; so does every step beyond most bytes, which for a packed file count unpacked.
    """

    def __init__(self, file: IO[bytes], most: int | None = None) -> None:
        self._file = file
        self._most = most
        self._headers = 0

    def read(self, size: int = -1) -> bytes:
        """Read like a file does; what is left, for -1, within the same limit."""
        content = self._file.read(size if 0 <= size <= ARCHIVE_DIRECTORY_BYTES else ARCHIVE_DIRECTORY_BYTES + 1)
        if len(content) > ARCHIVE_DIRECTORY_BYTES:
            raise LimitExceededError(f"the archive's directory has more than {ARCHIVE_DIRECTORY_BYTES // MIB} MiB")
        if self._most is not None:
            self._headers += len(content)
            if self._headers > ARCHIVE_DIRECTORY_BYTES:
                raise LimitExceededError(f"a member's headers have more than {ARCHIVE_DIRECTORY_BYTES // MIB} MiB")
            self._check(self._file.tell())
        return content

    def forget_headers(self) -> None:
        """Begin a new count of bytes read as headers."""
        self._headers = 0

    def content(self, start: int, size: int) -> bytes:
        """A member's bytes; raises MalformedInputError when the file ends within them."""
        self.seek(start)
        self._check(start + size)
        content = bytearray()
        while len(content) < size and (part := self._file.read(min(_CHUNK, size - len(content)))):
            content += part
        if len(content) < size:
            raise MalformedInputError("the archive ends inside a member: it is truncated")
        return bytes(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, which in a packed file unpacks everything on the way."""
        if whence == 0:
            self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close the file below."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, position: int) -> None:
        if self._most is not None and position > self._most:
            raise LimitExceededError(
                f"the archive expands to more than {self._most // MIB:,} MiB, which pictures do not"
            )
