"""Names of archives' members, judged by their bytes: UTF-8 where they are, whatever an archive says of them."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from skysort.pictures.bodies.bounded_file import BoundedFile

if TYPE_CHECKING:
    import zipfile

# An entry of a zip's directory: how it begins, its fixed part, the byte of its flags with the one for UTF-8, and where
# the lengths of what follows stand (APPNOTE 6.3.10, 4.3.12).
_ENTRY: Final = b"PK\x01\x02"
_ENTRY_BYTES: Final = 46
_FLAGS_AT: Final = 9
_UTF_8: Final = 0x08
_LENGTHS_AT: Final = 28
# The header before each member, the same way (4.3.7).
_HEADER: Final = b"PK\x03\x04"
_HEADER_BYTES: Final = 30
_HEADER_FLAGS_AT: Final = 7
# Info-ZIP's extra field of a name in Unicode, and the bytes of every field's identifier and size.
_UNICODE_PATH: Final = 0x7075
_FIELD_HEAD: Final = 4


def zip_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name: UTF-8 where its bytes are, whatever its flag says, which macOS's Finder leaves unset.

    Otherwise code page 437, as zip's specification says (APPNOTE 6.3.10, D.1), unless Info-ZIP's field for a name in
    Unicode (4.6.9) tells better.
    """
    if entry.orig_filename.isascii():
        return entry.filename
    # As UnflaggedFile has zipfile read every name; a NUL ends one.
    name = entry.orig_filename.encode("cp437")
    with suppress(UnicodeDecodeError):
        return (_unicode_field(entry.extra, name) or name.decode("utf-8")).partition("\0")[0]
    return entry.orig_filename.partition("\0")[0]


class UnflaggedFile(BoundedFile):
    """A zip's file in which no name is flagged as UTF-8.

    One name that is flagged and is none would cost the whole archive; names are judged by their bytes here.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.opening = True

    def read(self, size: int = -1) -> bytes:
        """As a BoundedFile's, less the flags in the directory and in members' headers, which zipfile reads at once."""
        content = super().read(size)
        if self.opening and content.startswith(_ENTRY):
            return _unflagged(content)
        if size == _HEADER_BYTES == len(content) and content.startswith(_HEADER):
            flags = content[_HEADER_FLAGS_AT] & ~_UTF_8
            return content[:_HEADER_FLAGS_AT] + bytes([flags]) + content[_HEADER_FLAGS_AT + 1 :]
        return content


def _unflagged(directory: bytes) -> bytes:
    changed, at = bytearray(directory), 0
    while directory.startswith(_ENTRY, at) and at + _ENTRY_BYTES <= len(directory):
        changed[at + _FLAGS_AT] &= ~_UTF_8
        # Behind an entry's fixed part stand its name, extra fields and comment.
        at += _ENTRY_BYTES + sum(struct.unpack_from("<3H", directory, at + _LENGTHS_AT))
    return bytes(changed)


def _unicode_field(extra: bytes, name: bytes) -> str | None:
    """The name in Info-ZIP's Unicode field, if it is of this name."""
    at = 0
    while at + _FIELD_HEAD <= len(extra):
        field, size = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        content = extra[at + _FIELD_HEAD : at + _FIELD_HEAD + size]
        if field == _UNICODE_PATH and content[:5] == b"\x01" + zlib.crc32(name).to_bytes(4, "little"):
            return content[5:].decode("utf-8")
        at += _FIELD_HEAD + size
    return None


def tar_name(name: str) -> str:
    """A member's name, of which tarfile reads UTF-8 and keeps other bytes as surrogates: Windows's Latin alphabet."""
    if name.isascii():
        return name
    content = name.encode("utf-8", "surrogateescape")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    return content.decode("cp1252", "replace")
