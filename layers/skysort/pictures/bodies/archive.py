"""Zip and tar archives of pictures, taken apart safely: in memory, member by member, within limits.

Nothing is ever unpacked to disk, so no member can be written anywhere; links are not followed and
special files not opened. Names only become parts of result keys, without ``..`` or a leading slash.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final, cast

from skysort.drop import keys
from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.guard import reading
from skysort.gzip_stream import beginning
from skysort.limits import ARCHIVE_EXPANDED_BYTES, ARCHIVE_MEMBERS, ARCHIVE_RATIO, FITS_GZIP_MEMBERS, IMAGE_BYTES, MIB
from skysort.pictures.bodies.archive_names import UnflaggedFile, tar_name, zip_name
from skysort.pictures.bodies.bounded_file import BoundedFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A member, an empty directory, and the marks of archives that were to be split and fitted into one part.
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
_TAR_MAGIC: Final = b"ustar"
_TAR_MAGIC_AT: Final = 257
_ENCRYPTED: Final = 0x1
# Below this size a large ratio says nothing: a picture of one colour is small.
_RATIO_FROM: Final = 4 * MIB
# What operating systems put beside the pictures.
_JUNK: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"})
_CHUNK: Final = 1 * MIB
_TAR_BLOCK: Final = 512
# Of the other methods the standard library unpacks without a bound.
_BOUNDED_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class Kind(StrEnum):
    """How an archive is packed."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZIP = "tar.gz"
    TAR_BZIP2 = "tar.bz2"
    TAR_XZ = "tar.xz"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive: a file's bytes, what is wrong with it, or None for what is no picture's business."""

    name: str
    content: bytes | InputError | None


def detect(head: bytes) -> Kind | None:
    """The kind of an archive that begins with these bytes, None for anything else.

    head: 512 bytes or more. A gzipped file is an archive only if a tar is inside: FITS files are gzipped too.
    """
    if head.startswith(_ZIPS):
        return Kind.ZIP
    packed = {b"\x1f\x8b": (Kind.TAR_GZIP, gzip), b"BZh": (Kind.TAR_BZIP2, None), b"\xfd7zXZ\x00": (Kind.TAR_XZ, None)}
    for magic, (kind, module) in packed.items():
        if head.startswith(magic):
            return kind if module is None or _is_tar(_gunzip_head(head)) else None
    return Kind.TAR if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    """Whether a tar's header comes first: by its magic, which the oldest kind has not, or by its checksum."""
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + len(_TAR_MAGIC)] == _TAR_MAGIC:
        return True
    with suppress(tarfile.HeaderError):
        return bool(tarfile.TarInfo.frombuf(head[:_TAR_BLOCK], "utf-8", "surrogateescape").name)
    return False


def _gunzip_head(head: bytes) -> bytes:
    try:
        return beginning(head, _TAR_BLOCK, max_members=FITS_GZIP_MEMBERS)
    except InputError:
        return b""


def members(path: Path, kind: Kind) -> Iterator[Member]:
    """Every entry of an archive in its order; a bad one carries its error, a file its bytes.

    Raises MalformedInputError for a damaged archive, and LimitExceededError where it has too many entries
    or expands too far.
    """
    names = _Names()
    total = 0
    with reading(f"the {kind} archive"):
        for count, member in enumerate(_zip(path) if kind is Kind.ZIP else _tar(path, kind), start=1):
            total += len(member.content) if isinstance(member.content, bytes) else 0
            _check_limits(count, total)
            yield member if member.content is None else Member(names.own(member.name), member.content)


def _check_limits(entries: int, expanded: int) -> None:
    if entries > ARCHIVE_MEMBERS:
        raise LimitExceededError(f"an archive may have up to {ARCHIVE_MEMBERS:,} entries")
    if expanded > ARCHIVE_EXPANDED_BYTES:
        raise LimitExceededError(f"an archive may expand to up to {ARCHIVE_EXPANDED_BYTES // MIB:,} MiB")


def _zip(path: Path) -> Iterator[Member]:
    # The directory is read whole: the bounded file refuses one that would not fit into memory.
    with UnflaggedFile(path.open("rb")) as file, zipfile.ZipFile(cast(IO[bytes], file)) as archive:
        file.opening = False
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            shown = zip_name(entry)
            if entry.is_dir() or _is_junk(shown):
                yield Member(shown, None)
                continue
            name, refusal = _checked(shown, is_file=kind in {0, stat.S_IFREG})
            yield Member(name, refusal or _zip_content(archive, entry))


def _zip_content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | InputError:
    if entry.flag_bits & _ENCRYPTED:
        return UnsupportedFormatError("the member is encrypted; pack the archive without a password")
    if entry.compress_type not in _BOUNDED_METHODS:
        return UnsupportedFormatError("the member is packed in a way that is not read here; use the usual one, deflate")
    most = min(IMAGE_BYTES, max(_RATIO_FROM, ARCHIVE_RATIO * entry.compress_size))
    content = bytearray()
    try:
        with reading("the member"), archive.open(entry) as file:
            while part := file.read(_CHUNK):
                content += part
                if len(content) > most:
                    return _too_large() if most == IMAGE_BYTES else _too_packed()
    except InputError as error:  # the other members may be sound
        return error
    return bytes(content)


def _tar(path: Path, kind: Kind) -> Iterator[Member]:
    openers: dict[Kind, Any] = {Kind.TAR_GZIP: gzip.open, Kind.TAR_BZIP2: bz2.open, Kind.TAR_XZ: lzma.open}
    most = max(_RATIO_FROM, min(ARCHIVE_EXPANDED_BYTES, ARCHIVE_RATIO * path.stat().st_size))
    with BoundedFile(openers.get(kind, open)(path, "rb"), most) as file, _opened_tar(file, kind) as archive:
        while (entry := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # it would keep every header
            file.forget_headers()
            shown = tar_name(entry.name)
            if entry.isdir() or _is_junk(shown):
                yield Member(shown, None)
                continue
            name, refusal = _checked(shown, is_file=entry.isreg() and not entry.issparse())
            if refusal is None and entry.size > IMAGE_BYTES:
                refusal = _too_large()
            yield Member(name, refusal or file.content(entry.offset_data, entry.size))
        # tarfile takes a damaged header for the end; the end is a block of zeros, or nothing.
        file.seek(archive.offset)
        if file.read(_TAR_BLOCK).strip(b"\0"):
            raise MalformedInputError(f"the {kind} archive is damaged: there is no header where one should be")


def _opened_tar(file: BoundedFile, kind: Kind) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=cast(IO[bytes], file), mode="r:")
    except tarfile.ReadError:
        if kind not in {Kind.TAR_BZIP2, Kind.TAR_XZ}:  # the others were looked into
            raise
        packed = "bzip2" if kind is Kind.TAR_BZIP2 else "xz"
        raise UnsupportedFormatError(
            f"the content is packed with {packed} and is no tar archive of pictures; of single files only FITS are read"
            " packed, with gzip: unpack it first"
        ) from None


def _checked(name: str, *, is_file: bool) -> tuple[str, InputError | None]:
    """A member's name as a relative path, and why it is not opened."""
    safe, escaped = _safe_name(name)
    if escaped:
        return safe, MalformedInputError(f"the member's name leads out of the archive: {name!r:.200}")
    if not is_file:
        return safe, UnsupportedFormatError("the member is a link or a special file; only files are opened")
    return safe, None


def _safe_name(name: str) -> tuple[str, bool]:
    """A member's name as a relative path, and whether it tried to be another."""
    name = name.encode("utf-8", "replace").decode()
    parts = name.replace("\\", "/").split("/")
    escaped = ".." in parts or not parts[0] or parts[0].endswith(":")
    kept = ["_" if part == ".." else part.replace("\x00", "_") for part in parts if part not in {"", "."}]
    return "/".join(kept) or "_", escaped


def _too_large() -> InputError:
    return LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB, this member has more")


def _too_packed() -> InputError:
    return LimitExceededError(f"the member expands more than {ARCHIVE_RATIO} times, which pictures do not")


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in _JUNK for part in parts) or (bool(parts) and parts[-1].startswith("._"))


class _Names:
    """Gives each member a name of its own: two of one name would share a record.

    ``a.error`` gets another one too, as its summary would be the error record of ``a``.
    """

    def __init__(self) -> None:
        # Each name that was given, and the number that its next namesake tries first.
        self._next: dict[str, int] = {}

    def own(self, name: str) -> str:
        """A name that no other member has; each number of a name is tried once, however many namesakes there are."""
        if name not in self._next and not name.endswith(keys.ERROR_STEM):
            self._next[name] = 2
            return name
        number = self._next.get(name, 2)
        while (own := f"{name}~{number}") in self._next:
            number += 1
        self._next[name] = number + 1
        self._next[own] = 2
        return own
