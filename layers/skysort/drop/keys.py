"""Keys of dropped files and of their results."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from skysort.errors import MalformedInputError
from skysort.limits import DROP_KEY_BYTES
from skysort.models import FAMILIES

# The only prefix of the drop bucket that callers upload to.
INCOMING: Final = "incoming/"
# Suffixes of a file's results, after its own name.
SUMMARY: Final = ".json"
ERROR: Final = ".error.json"
TABLE: Final = ".csv"  # of an archive's members, or of a picture file's images
REJECTED: Final = ".rejected.csv"
# The summary of a file with this suffix would be another file's error record.
ERROR_STEM: Final = ERROR.removesuffix(SUMMARY)
# The results of a file with one of these suffixes would share keys with another file's records.
RESERVED: Final = (SUMMARY, REJECTED, ERROR_STEM)


@dataclass(frozen=True, slots=True)
class DropKey:
    """Where a file was dropped: ``incoming/<model>/<batch>/<file>``; the file may be in subfolders.

    model: one segment, or the two of a trained model (custom/NAME).
    """

    model: str
    batch: str
    file: str

    @property
    def family(self) -> str:
        """The model's first segment: whose functions read the file."""
        return self.model.partition("/")[0]

    @property
    def trained(self) -> str | None:
        """The name of a trained model, None for a shipped one."""
        return self.model.partition("/")[2] or None


def decode(encoded: str) -> str:
    """The key in a notification, which URL-encodes it once (a space becomes ``+``)."""
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    return unquote_plus(encoded)


def parse(key: str) -> DropKey:
    """Parse a dropped file's key; raises MalformedInputError if it does not have the drop folder's layout."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > DROP_KEY_BYTES:
        raise MalformedInputError(
            f"the key has {size:,} bytes; at most {DROP_KEY_BYTES:,} leave room for its results' names"
        )
    inside = key.removeprefix(INCOMING)
    family = inside.partition("/")[0]
    segments = model_segments(family)
    parts = inside.split("/", segments + 1)
    if not key.startswith(INCOMING) or len(parts) != segments + 2 or not all(parts):
        model = f"{family}/<name>" if segments > 1 else "<model>"
        raise MalformedInputError(f"a dropped file belongs at {INCOMING}{model}/<batch>/<file>, got {key!r}")
    if is_reserved(key):
        endings = ", ".join(RESERVED)
        raise MalformedInputError(
            f"names that end in one of {endings} belong to skysort's own records; rename the file and drop it again"
        )
    return DropKey("/".join(parts[:segments]), *parts[segments:])


def model_segments(first: str) -> int:
    """How many segments of a key name the model, by the first of them."""
    return 2 if first in FAMILIES else 1


def is_reserved(name: str) -> bool:
    """Whether the records of a file or member of this name would collide with another's."""
    # Such a file is refused; its only record is its error record, whose key is unique.
    return name.endswith(RESERVED)


def result_key(key: str, suffix: str = "") -> str:
    """The key in the results bucket: the dropped file's, without ``incoming/``, and a suffix."""
    # A key that is too long for a suffix is cut and gets a hash, so that even such a file has an error record: S3 keys
    # have up to 1,024 bytes.
    stem = key.removeprefix(INCOMING)
    encoded = stem.encode("utf-8", "surrogatepass")
    if len(encoded) > DROP_KEY_BYTES:
        digest = hashlib.sha256(encoded).hexdigest()
        stem = encoded[: DROP_KEY_BYTES - len(digest) - 1].decode("utf-8", "ignore") + "-" + digest
    return stem + suffix


def member_key(archive: str, member: str, suffix: str) -> str:
    """The key of the record of one member of an archive, below the archive's own result key."""
    return result_key(f"{archive}/{member}", suffix)
