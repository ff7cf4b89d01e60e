"""Labels as people write them: in any case, with spaces, hyphens or underscores, or misspelt."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Suggestions are limited to this many unknown labels and to this many of their characters, since each search is slow.
MAX_SUGGESTIONS: Final = 10
_NAME_CHARACTERS: Final = 60
_PART_CHARACTERS: Final = 40
_NOT_IN_NAME: Final = re.compile("[^a-z0-9_]+")


def folded(name: str) -> str:
    """A label as it is compared: without case, hyphens and underscores as spaces."""
    return name.casefold().replace("_", " ").replace("-", " ")


def suggestion(name: str, names: Sequence[str]) -> str:
    """A sentence about an unknown label, with the nearest of the known names, or the first of them."""
    by_folded = {folded(known): known for known in reversed(names)}
    close = difflib.get_close_matches(folded(name[:_NAME_CHARACTERS]), by_folded, n=3)
    if close:
        return f"Unknown label {name!r:.60}. Did you mean {', '.join(by_folded[match] for match in close)}?"
    more = " and others" if len(names) > MAX_SUGGESTIONS else ""
    return f"Unknown label {name!r:.60}. Choose from {', '.join(names[:MAX_SUGGESTIONS])}{more}."


def parts_of_names(labels: Sequence[str]) -> list[str]:
    """The labels as parts of columns' names: lower-case letters, digits and underscores, all different."""
    names: list[str] = []
    for label in labels:
        name = stem = _NOT_IN_NAME.sub("_", label.lower())[:_PART_CHARACTERS]
        count = 1
        while name in names:
            count += 1
            name = f"{stem}_{count}"
        names.append(name)
    return names
