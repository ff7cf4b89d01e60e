"""Version numbers of artefacts."""

from __future__ import annotations

from typing import Final

FIRST: Final = "1.0.0"
PARTS: Final = ("major", "minor", "patch")


def next_version(current: str | None, part: str) -> str:
    """The version after this one: 1.2.3 -> 2.0.0 (major), 1.3.0 (minor) or 1.2.4 (patch); the first is 1.0.0."""
    if current is None:
        return FIRST
    numbers = [int(number) for number in current.split(".")]
    place = PARTS.index(part)
    return ".".join(str(n) for n in [*numbers[:place], numbers[place] + 1, *[0] * (len(PARTS) - place - 1)])
