"""Turned and mirrored views of one picture, and the sets of them that are averaged."""

from __future__ import annotations

from typing import Final

# A view is a number of quarter turns, and whether the picture is mirrored afterwards.
View = tuple[int, bool]
ALL_VIEWS: Final[tuple[View, ...]] = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))

# Name -> places in ALL_VIEWS.
VIEW_SETS: Final[dict[str, list[int]]] = {
    "as it is": [0],
    "half turn": [0, 2],
    "quarter turns": [0, 1, 2, 3],
    "all eight": list(range(8)),
}


def views(name: str) -> tuple[View, ...]:
    """The views of a set."""
    return tuple(ALL_VIEWS[place] for place in VIEW_SETS[name])
