"""Zip and tar archives of pictures, unpacked safely: in memory, member by member, within limits.

Nothing is ever unpacked to disk, so no member can be written anywhere; links are not followed and special files not
opened. Names only become parts of result keys, without ``..`` or a leading slash. They are read as UTF-8 where valid,
whatever encoding the archive declares.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final, cast

from skysort.drop import keys
from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.guard import reading
from skysort.gzip_stream import GZIP, beginning
from skysort.limits import (
    ARCHIVE_DIRECTORY_BYTES,
    ARCHIVE_EXPANDED_BYTES,
    ARCHIVE_MEMBERS,
    ARCHIVE_RATIO,
    DROP_KEY_BYTES,
    FITS_GZIP_MEMBERS,
    IMAGE_BYTES,
    MIB,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A member, an empty directory, and the markers of split archives that fit into one part.
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
_TAR_MAGIC, _TAR_MAGIC_OFFSET, _TAR_BLOCK = b"ustar", 257, 512
_ENCRYPTED: Final = 0x1
# Below this size a high compression ratio is normal: a picture of one colour is small.
_RATIO_FROM: Final = 4 * MIB
# Files that operating systems add.
_JUNK: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})
_CHUNK: Final = 1 * MIB
_DIGEST_DIGITS: Final = 16
# The standard library decompresses the other methods without a limit.
_BOUNDED_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# An entry of a zip's central directory: its signature, fixed size, the offset of the flag byte that has the UTF-8 bit,
# and the offset of the lengths of its variable fields (APPNOTE 6.3.10, 4.3.12).
_ENTRY, _ENTRY_BYTES, _FLAGS_OFFSET, _LENGTHS_OFFSET = b"PK\x01\x02", 46, 9, 28
_UTF_8: Final = 0x08
# A member's local header: signature, size and offset of the flag byte (4.3.7).
_HEADER, _HEADER_BYTES, _HEADER_FLAGS_OFFSET = b"PK\x03\x04", 30, 7
# The end of a zip without disks and comment (4.3.16): signature, four zeros, size of the directory, its offset, zero.
ZIP_END: Final = struct.Struct("<4s4H2LH")
# Info-ZIP's Unicode Path extra field, and the size of an extra field's header.
_UNICODE_PATH, _FIELD_HEAD = 0x7075, 4


class Kind(StrEnum):
    """The format of an archive."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZIP = "tar.gz"
    TAR_BZIP2 = "tar.bz2"
    TAR_XZ = "tar.xz"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive: a file's bytes, its error, or None for folders and system files."""

    name: str
    content: bytes | InputError | None


def detect(head: bytes) -> Kind | None:
    """The format of an archive by its first bytes, at least 512; None for anything else."""
    if head.startswith(_ZIPS):
        return Kind.ZIP
    if head.startswith(GZIP):  # FITS files are gzipped too
        with suppress(InputError):
            return Kind.TAR_GZIP if _is_tar(beginning(head, _TAR_BLOCK, FITS_GZIP_MEMBERS)) else None
        return None
    packed = {b"BZh": Kind.TAR_BZIP2, b"\xfd7zXZ\x00": Kind.TAR_XZ}
    compressed = next((kind for magic, kind in packed.items() if head.startswith(magic)), None)
    return compressed or (Kind.TAR if _is_tar(head) else None)


def _is_tar(head: bytes) -> bool:
    """Whether the bytes begin with a tar header: by its magic, which the oldest format lacks, or its checksum."""
    if head.startswith(_TAR_MAGIC, _TAR_MAGIC_OFFSET):
        return True
    with suppress(tarfile.HeaderError):
        return bool(tarfile.TarInfo.frombuf(head[:_TAR_BLOCK], "utf-8", "surrogateescape").name)
    return False


def members(path: Path, kind: Kind) -> Iterator[Member]:
    """Read the members of an archive.

    Parameters
    ----------
    path
        The archive's file.
    kind
        Its format, from `detect`.

    Yields
    ------
    Every entry in order, under a unique name, with its content or its error.

    Raises
    ------
    MalformedInputError
        For a damaged archive.
    LimitExceededError
        Where it has too many entries or expands too far.
    """
    names, expanded = _Names(), 0
    with reading(f"the {kind} archive"):
        for count, member in enumerate(_zip(path) if kind is Kind.ZIP else _tar(path, kind), start=1):
            expanded += len(member.content) if isinstance(member.content, bytes) else 0
            if count > ARCHIVE_MEMBERS:
                raise LimitExceededError(f"an archive may have up to {ARCHIVE_MEMBERS:,} entries")
            if expanded > ARCHIVE_EXPANDED_BYTES:
                raise LimitExceededError(f"an archive may expand to up to {ARCHIVE_EXPANDED_BYTES // MIB:,} MiB")
            yield member if member.content is None else Member(names.unique(_short(member.name)), member.content)


def zip_files(directory: bytes) -> list[str | None]:
    """The names of the files of a zip, or of a part of it; None for folders and system files.

    Parameters
    ----------
    directory
        Entries of its directory.

    Returns
    -------
    A name an entry; raises MalformedInputError for damaged entries, LimitExceededError for too many bytes of them.
    """
    alone = directory + ZIP_END.pack(b"PK\x05\x06", 0, 0, 0, 0, len(directory), 0, 0)
    with (
        reading("the zip archive"),
        closing(_UnflaggedFile(io.BytesIO(alone))) as file,
        zipfile.ZipFile(cast("IO[bytes]", file)) as archive,
    ):
        names = [(entry.is_dir(), _zip_name(entry)) for entry in archive.infolist()]
    return [None if is_folder or is_junk(shown) else safe_name(shown) for is_folder, shown in names]


def _zip(path: Path) -> Iterator[Member]:
    # zipfile reads the whole directory: BoundedFile refuses one that would not fit into memory.
    with closing(_UnflaggedFile(path.open("rb"))) as file, zipfile.ZipFile(cast("IO[bytes]", file)) as archive:
        file.opening = False
        for entry in archive.infolist():
            kind, shown = stat.S_IFMT(entry.external_attr >> 16), _zip_name(entry)
            if entry.is_dir() or is_junk(shown):
                yield Member(shown, None)
                continue
            name, refusal = _checked(shown, is_file=kind in {0, stat.S_IFREG})
            yield Member(name, refusal or _zip_content(archive, entry))


def _zip_content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | InputError:
    if entry.flag_bits & _ENCRYPTED:
        return UnsupportedFormatError("the member is encrypted; pack the archive without a password")
    if entry.compress_type not in _BOUNDED_METHODS:
        return UnsupportedFormatError("the member is compressed with an unsupported method; use deflate, the usual one")
    max_bytes = min(IMAGE_BYTES, max(_RATIO_FROM, ARCHIVE_RATIO * entry.compress_size))
    content = bytearray()
    try:
        with reading("the member"), archive.open(entry) as file:
            while part := file.read(_CHUNK):
                content += part
                if len(content) > max_bytes:
                    return _too_large() if max_bytes == IMAGE_BYTES else _too_packed()
    except InputError as error:  # the other members may be sound
        return error
    return bytes(content)


def _tar(path: Path, kind: Kind) -> Iterator[Member]:
    openers: dict[Kind, Any] = {Kind.TAR_GZIP: gzip.open, Kind.TAR_BZIP2: bz2.open, Kind.TAR_XZ: lzma.open}
    max_bytes = max(_RATIO_FROM, min(ARCHIVE_EXPANDED_BYTES, ARCHIVE_RATIO * path.stat().st_size))
    packed = openers.get(kind, open)(path, "rb")
    with closing(BoundedFile(packed, max_bytes)) as file:
        for entry, shown, _ in tar_entries(file, kind):
            if shown is None:
                yield Member(_tar_name(entry.name), None)
                continue
            name, refusal = _checked(shown, is_file=entry.isreg() and not entry.issparse())
            if refusal is None and entry.size > IMAGE_BYTES:
                refusal = _too_large()
            yield Member(name, refusal or file.content(entry.offset_data, entry.size))


def tar_entries(
    file: BoundedFile, kind: Kind = Kind.TAR
) -> Iterator[tuple[tarfile.TarInfo, str | None, tarfile.TarFile]]:
    """The entries of a tar.

    Parameters
    ----------
    file
        The archive, unpacked.
    kind
        What it was.

    Yields
    ------
    Each entry, the name of a file (None for folders and system files), and the archive: its offset is the entry's end.

    Raises
    ------
    MalformedInputError
        For a damaged header.
    LimitExceededError
        For a position or a header beyond the file's bounds.
    """
    with _opened_tar(file, kind) as archive:
        while (entry := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # it would keep every header
            file.forget_headers()
            shown = _tar_name(entry.name)
            yield entry, None if entry.isdir() or is_junk(shown) else shown, archive
        # tarfile takes a damaged header for the end; the end is a block of zeros, or nothing.
        file.seek(archive.offset)
        if file.read(_TAR_BLOCK).strip(b"\0"):
            raise MalformedInputError(f"the {kind} archive is damaged: a member's header is missing")


def _opened_tar(file: BoundedFile, kind: Kind) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=cast("IO[bytes]", file), mode="r:")
    except tarfile.ReadError:
        if kind not in {Kind.TAR_BZIP2, Kind.TAR_XZ}:  # the others were checked by detect
            raise
        packed = "bzip2" if kind is Kind.TAR_BZIP2 else "xz"
        raise UnsupportedFormatError(
            f"the content is compressed with {packed} and is not a tar archive of pictures; decompress it first (of"
            " single files only FITS may be compressed, with gzip)"
        ) from None


def _checked(name: str, *, is_file: bool) -> tuple[str, InputError | None]:
    """A member's name as a safe relative path, and the error of one that must not be opened."""
    name = name.encode("utf-8", "replace").decode()
    parts = name.replace("\\", "/").split("/")
    kept = ["_" if part == ".." else part.replace("\x00", "_") for part in parts if part not in {"", "."}]
    safe = "/".join(kept) or "_"
    if ".." in parts or not parts[0] or parts[0].endswith(":"):
        return safe, MalformedInputError(f"the member's name points outside the archive: {name!r:.200}")
    if not is_file:
        return safe, UnsupportedFormatError("the member is a link or a special file; only files are opened")
    return safe, None


def safe_name(shown: str) -> str:
    """The name that `members` gives a file, before it makes equal names unique."""
    return _short(_checked(shown, is_file=True)[0])


def _short(name: str) -> str:
    """A name no longer than a key: those of a tar may have megabytes, and every one of them is kept."""
    encoded = name.encode()
    if len(encoded) <= DROP_KEY_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:_DIGEST_DIGITS]
    return f"{encoded[: DROP_KEY_BYTES - _DIGEST_DIGITS - 1].decode('utf-8', 'ignore')}-{digest}"


def _too_large() -> InputError:
    return LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB, this member has more")


def _too_packed() -> InputError:
    return LimitExceededError(f"the member expands more than {ARCHIVE_RATIO}-fold, which pictures do not")


def is_junk(name: str) -> bool:
    """Whether a file is one that operating systems add."""
    parts = PurePosixPath(name).parts
    return any(part in _JUNK for part in parts) or (bool(parts) and parts[-1].startswith("._"))


class _Names:
    """Makes the members' names unique, since two of one name would share a record.

    ``a.error`` is renamed too: its summary would be the error record of ``a``.
    """

    def __init__(self) -> None:
        # Each name in use, and the suffix that its next duplicate tries first.
        self._next: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """A unique name for a member; each suffix of a name is tried once, however many duplicates there are."""
        if name not in self._next and not name.endswith(keys.ERROR_STEM):
            self._next[name] = 2
            return name
        number = self._next.get(name, 2)
        while (unique := f"{name}~{number}") in self._next:
            number += 1
        self._next[name] = number + 1
        self._next[unique] = 2
        return unique


class BoundedFile:
    """A seekable file for zipfile and tarfile, which read headers and directories through it.

    Reading more than ARCHIVE_DIRECTORY_BYTES at once, or between two calls of forget_headers, raises
    LimitExceededError; so does any position beyond max_bytes, which counts decompressed bytes.
    """

    def __init__(self, file: IO[bytes], max_bytes: int | None = None) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._headers = 0
        self.tell, self.seekable, self.close = file.tell, file.seekable, file.close

    def read(self, size: int = -1) -> bytes:
        """Read up to size bytes; -1 reads the rest, within the same limit."""
        content = self._file.read(size if 0 <= size <= ARCHIVE_DIRECTORY_BYTES else ARCHIVE_DIRECTORY_BYTES + 1)
        if len(content) > ARCHIVE_DIRECTORY_BYTES:
            raise LimitExceededError(f"the archive's directory has more than {ARCHIVE_DIRECTORY_BYTES // MIB} MiB")
        if self._max_bytes is not None:
            self._headers += len(content)
            if self._headers > ARCHIVE_DIRECTORY_BYTES:
                raise LimitExceededError(f"a member's headers have more than {ARCHIVE_DIRECTORY_BYTES // MIB} MiB")
            self._check(self._file.tell())
        return content

    def forget_headers(self) -> None:
        """Reset the count of header bytes."""
        self._headers = 0

    def content(self, start: int, size: int) -> bytes:
        """A member's bytes; raises MalformedInputError when the file ends within them."""
        self.seek(start)
        self._check(start + size)
        content = bytearray()
        while len(content) < size and (part := self._file.read(min(_CHUNK, size - len(content)))):
            content += part
        if len(content) < size:
            raise MalformedInputError("the archive is truncated: it ends inside a member")
        return bytes(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek, which in a compressed file decompresses everything on the way."""
        if whence == 0:
            self._check(offset)
        return self._file.seek(offset, whence)

    def _check(self, position: int) -> None:
        if self._max_bytes is not None and position > self._max_bytes:
            raise LimitExceededError(
                f"the archive expands to more than {self._max_bytes // MIB:,} MiB, which pictures do not"
            )


class _UnflaggedFile(BoundedFile):
    """A zip file with the UTF-8 flags cleared: zipfile rejects an archive whose flagged name is not valid UTF-8."""

    opening = True

    def read(self, size: int = -1) -> bytes:
        """Read with the UTF-8 flags cleared in the directory and in members' headers, each of which is one read."""
        content = super().read(size)
        if self.opening and content.startswith(_ENTRY):
            return _unflagged(content)
        if size == _HEADER_BYTES == len(content) and content.startswith(_HEADER):
            flags = content[_HEADER_FLAGS_OFFSET] & ~_UTF_8
            return content[:_HEADER_FLAGS_OFFSET] + bytes([flags]) + content[_HEADER_FLAGS_OFFSET + 1 :]
        return content


def _unflagged(directory: bytes) -> bytes:
    changed, offset = bytearray(directory), 0
    while directory.startswith(_ENTRY, offset) and offset + _ENTRY_BYTES <= len(directory):
        changed[offset + _FLAGS_OFFSET] &= ~_UTF_8
        # An entry's fixed part is followed by its name, extra fields and comment.
        offset += _ENTRY_BYTES + sum(struct.unpack_from("<3H", directory, offset + _LENGTHS_OFFSET))
    return bytes(changed)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name: UTF-8 where its bytes are valid, whatever its flag, which macOS's Finder leaves unset."""
    # Otherwise code page 437 (APPNOTE 6.3.10, D.1), unless Info-ZIP's Unicode Path field (4.6.9) has the name.
    if entry.orig_filename.isascii():
        return entry.filename
    # zipfile decoded it so, as its flag was cleared; a NUL ends a name.
    name = entry.orig_filename.encode("cp437")
    with suppress(UnicodeDecodeError):
        return (_unicode_field(entry.extra, name) or name.decode("utf-8")).partition("\0")[0]
    return entry.orig_filename.partition("\0")[0]


def _unicode_field(extra: bytes, name: bytes) -> str | None:
    """The name in Info-ZIP's Unicode Path field, if its checksum is that of this name."""
    offset = 0
    while offset + _FIELD_HEAD <= len(extra):
        field, size = struct.unpack_from("<2H", extra, offset)
        content = extra[offset + _FIELD_HEAD : offset + _FIELD_HEAD + size]
        if field == _UNICODE_PATH and content[:5] == b"\x01" + zlib.crc32(name).to_bytes(4, "little"):
            return content[5:].decode("utf-8")
        offset += _FIELD_HEAD + size
    return None


def _tar_name(name: str) -> str:
    """A member's name; bytes that are not UTF-8, which tarfile keeps as surrogates, are read as Windows-1252."""
    if name.isascii():
        return name
    content = name.encode("utf-8", "surrogateescape")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    return content.decode("cp1252", "replace")
