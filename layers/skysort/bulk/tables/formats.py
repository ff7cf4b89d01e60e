"""The formats of tables, as slices name them."""

from __future__ import annotations

from typing import Final

from skysort.errors import MalformedInputError
from skysort.star.tables.detect import Format

_PACKED: Final = ".gz"


def named(kind: Format, *, packed: bool) -> str:
    """A format's name in a slice. packed: by gzip."""
    return kind + _PACKED if packed else str(kind)


def kind_of(name: str) -> tuple[Format, bool]:
    """The format of a slice, and whether it is gzipped; raises MalformedInputError for another name."""
    try:
        return Format(name.removesuffix(_PACKED)), name.endswith(_PACKED)
    except ValueError:
        raise MalformedInputError(f"the manifest has the format {name!r:.40}, which no table has") from None
