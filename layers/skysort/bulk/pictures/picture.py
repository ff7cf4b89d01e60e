"""A picture of a slice, and the size of slices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import IMAGE_BYTES, MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.bulk.manifest import Slice
    from skysort.errors import InputError

# Bytes of a slice's pictures, but for a single larger one: they are on disk or in memory together.
SLICE_BYTES: Final = 64 * MIB


class Picture(NamedTuple):
    """A picture's file, or why there is none. name: in its archive or table, or of the file."""

    name: str
    content: bytes | InputError


def too_large(size: int) -> InputError:
    """The error of a picture that is not read, as it is too large."""
    return LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has {size:,} B")


def dialect(**about: object) -> str:
    """What the planner tells whoever reads a slice."""
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))


def told(part: Slice) -> Mapping[str, Any]:
    """What the planner told; raises MalformedInputError if that was nothing."""
    try:
        found = json.loads(part.dialect)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MalformedInputError(f"the manifest does not say how {part.source} is read")
    return found
