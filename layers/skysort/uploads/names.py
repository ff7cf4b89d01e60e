"""Names of batches and files as callers give them, and the keys that they become: never outside their batch."""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from skysort.clients import EVERYBODY, Client
from skysort.drop.keys import INCOMING, RESERVED, is_reserved
from skysort.errors import FieldError, InvalidFieldsError
from skysort.limits import BATCH_NAME_CHARACTERS, DROP_KEY_BYTES

# Control characters, line and paragraph separators, direction overrides (a name must look like what it is),
# and the backslash, which separates folders on the machine where a result is saved.
_UNSAFE: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\\"
# One folder's name, as a URL's path carries it: a percent sign could be decoded once too often.
BATCH_PATTERN: Final = rf"^[^{_UNSAFE}/%. ][^{_UNSAFE}/%]*$"
_BATCH: Final = re.compile(BATCH_PATTERN.removeprefix("^").removesuffix("$"))
_UNSAFE_CHARACTER: Final = re.compile(rf"[{_UNSAFE}\ud800-\udfff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# S3 puts the name of the posted file in its place.
_PLACEHOLDER: Final = "${filename}"


def batch_fault(batch: str) -> str | None:
    """What is wrong with a batch's name, None if nothing is."""
    if len(batch) > BATCH_NAME_CHARACTERS:
        return f"has {len(batch)} characters; at most {BATCH_NAME_CHARACTERS} are allowed"
    cure = "no slash, backslash, percent sign or control character, and no leading dot or space"
    return None if _BATCH.fullmatch(batch) else f"must be a single folder name: {cure}"


def batch_of(path_segment: str) -> str:
    """The batch that a URL's path names; raises InvalidFieldsError."""
    batch = unquote(path_segment)
    fault = batch_fault(batch)
    if fault:
        raise InvalidFieldsError([FieldError("batch", "bad_name", fault)])
    return batch


def file_fault(name: str, prefix: str) -> str | None:
    """What is wrong with a file's name, a relative path that follows a prefix in the key; None if nothing is."""
    found = _UNSAFE_CHARACTER.search(name)
    if found is not None:
        return f"contains {unicodedata.name(found[0], f'U+{ord(found[0]):04X}')}, which is not allowed in a name"
    size = len((prefix + name).encode())
    faults = (
        (
            name.startswith("/") or _DRIVE.match(name) is not None,
            "must be relative to the batch: no leading slash or drive letter",
        ),
        (
            any(segment in {"", ".", ".."} for segment in name.split("/")),
            "must be a plain path that ends in a file name, without empty, '.' or '..' folders",
        ),
        (_PLACEHOLDER in name, f"contains {_PLACEHOLDER}, which S3 would replace"),
        (is_reserved(name), f"has a suffix of skysort's own records ({', '.join(RESERVED)}); rename the file"),
        (
            size > DROP_KEY_BYTES,
            f"makes a key of {size:,} bytes; at most {DROP_KEY_BYTES:,} are allowed, {prefix!r} included",
        ),
    )
    return next((sentence for wrong, sentence in faults if wrong), None)


def prefix_of(model: str, batch: str, client: Client = EVERYBODY) -> str:
    """The folder of a client's batch in the drop bucket, with a slash at the end."""
    return f"{INCOMING}{model}/{client.path(batch)}/"


def new_batch(now: datetime | None = None) -> str:
    """A name for a batch that got none: when it began, and 48 random bits."""
    return f"{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"
