"""An even sample of rows of which it is not known how many will come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Thinned:
    """Keeps every row, then every second, fourth and so on, so that there are never more than `most`.

    step: which are kept, from the first. seen: how many have come.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.step = 1
        self.seen = 0
        self._kept: list[NDArray[Any]] = []

    def add(self, rows: NDArray[Any]) -> None:
        """Take the next rows, an array whose first axis counts them."""
        # A copy frees the block that the rows are a part of.
        self.keep(rows[self.pick(len(rows))].copy())

    def pick(self, count: int) -> slice:
        """Which of so many next rows are to be kept, where they cost something to be made."""
        first = -self.seen % self.step
        self.seen += count
        return slice(first, None, self.step)

    def keep(self, rows: NDArray[Any]) -> None:
        """Take rows that were picked."""
        self._kept.append(rows)
        while sum(map(len, self._kept)) > self._most:
            self._kept = [np.concatenate(self._kept)[::2].copy()]
            self.step *= 2

    @property
    def rows(self) -> NDArray[Any] | None:
        """The kept rows, in order; None if there were none."""
        return np.concatenate(self._kept) if self._kept else None
