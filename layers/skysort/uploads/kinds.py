"""What may be uploaded for a model: content types, and how large a file of each may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.limits import ARCHIVE_BYTES, IMAGE_BYTES, MIB, UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY: Final = "application/octet-stream"
_FITS: Final = "application/fits"
_GZIP: Final = "application/gzip"

_TABLES: Final = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".ecsv": "text/plain",
    ".tbl": "text/plain",
    ".gz": _GZIP,
    ".fits": _FITS,
    ".fit": _FITS,
    ".fts": _FITS,
    ".vot": "application/x-votable+xml",
    ".xml": "application/xml",
    ".parquet": "application/vnd.apache.parquet",
}
_PICTURES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/heif",
    ".avif": "image/avif",
    ".fits": _FITS,
    ".fit": _FITS,
    ".fts": _FITS,
    ".fz": _FITS,
}
_ARCHIVES: Final = {
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".gz": _GZIP,
    ".tgz": _GZIP,
}


@dataclass(frozen=True, slots=True)
class Kinds:
    """The content types of one model.

    largest: bytes that a file of each type may have. endings: the type that a file's name stands for.
    """

    largest: Mapping[str, int]
    endings: Mapping[str, str]

    def content_type(self, name: str, declared: str | None) -> str:
        """The type that a file is stored under: as declared, else by its name's ending, else plain bytes.

        The drop folder goes by a file's content, so one declared as something unknown is stored as plain bytes.
        """
        media_type = (declared or "").partition(";")[0].strip().lower()
        if not media_type:
            media_type = self.endings.get("." + name.rpartition(".")[2].lower(), ANY)
        return media_type if media_type in self.largest else ANY

    def fault(self, content_type: str, size: int) -> str | None:
        """What is wrong with a file's size, None if nothing is."""
        most = self.largest[content_type]
        return f"has {size:,} bytes; a file of {content_type} may have {most // MIB:,} MiB" if size > most else None


_PICTURE_KINDS: Final = Kinds(
    {
        **dict.fromkeys(_PICTURES.values(), IMAGE_BYTES),
        **dict.fromkeys(_ARCHIVES.values(), ARCHIVE_BYTES),
        ANY: ARCHIVE_BYTES,
    },
    {**_PICTURES, **_ARCHIVES},
)
KINDS: Final[Mapping[str, Kinds]] = {
    "star": Kinds({**dict.fromkeys(_TABLES.values(), UPLOAD_BYTES), ANY: UPLOAD_BYTES}, _TABLES),
    "galaxy": _PICTURE_KINDS,
    "image": _PICTURE_KINDS,
}
