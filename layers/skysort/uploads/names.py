"""Validation of the names of batches and files, so that their keys never leave the batch's prefix."""

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

# Control characters, line and paragraph separators, direction overrides (which disguise names), and the backslash,
# which separates folders on some machines where results are saved.
_UNSAFE: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\\"
# One folder's name in a URL path: a percent sign could be decoded twice.
BATCH_PATTERN: Final = rf"^[^{_UNSAFE}/%. ][^{_UNSAFE}/%]*$"
_BATCH: Final = re.compile(BATCH_PATTERN.removeprefix("^").removesuffix("$"))
_UNSAFE_CHARACTER: Final = re.compile(rf"[{_UNSAFE}\ud800-\udfff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# S3 replaces it with the name of the posted file.
_PLACEHOLDER: Final = "${filename}"


def batch_fault(batch: str) -> str | None:
    """The fault of a batch's name, None if it is valid."""
    if len(batch) > BATCH_NAME_CHARACTERS:
        return f"has {len(batch)} characters; at most {BATCH_NAME_CHARACTERS} are allowed"
    cure = "no slash, backslash, percent sign or control character, and no leading dot or space"
    return None if _BATCH.fullmatch(batch) else f"must be a single folder name: {cure}"


def batch_of(path_segment: str) -> str:
    """The batch named in a URL path; raises InvalidFieldsError."""
    batch = unquote(path_segment)
    fault = batch_fault(batch)
    if fault:
        raise InvalidFieldsError([FieldError("batch", "bad_name", fault)])
    return batch


def file_fault(name: str, prefix: str) -> str | None:
    """The fault of a file's name, a relative path that follows a prefix in the key; None if it is valid."""
    unsafe = _UNSAFE_CHARACTER.search(name)
    if unsafe is not None:
        return f"contains {unicodedata.name(unsafe[0], f'U+{ord(unsafe[0]):04X}')}, which is not allowed in a name"
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
    return next((message for is_wrong, message in faults if is_wrong), None)


def prefix_of(model: str, batch: str, client: Client = EVERYBODY) -> str:
    """The folder of a client's batch in the drop bucket, with a slash at the end."""
    return f"{INCOMING}{model}/{client.path(batch)}/"


def new_batch(now: datetime | None = None) -> str:
    """A name for a batch without one: the time, and 48 random bits."""
    return f"{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"
