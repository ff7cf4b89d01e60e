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
        first = -self.seen % self.step
        self.seen += len(rows)
        # A copy frees the block that the rows are a part of.
        self._kept.append(rows[first :: self.step].copy())
        while sum(map(len, self._kept)) > self._most:
            self._kept = [np.concatenate(self._kept)[::2].copy()]
            self.step *= 2

    @property
    def rows(self) -> NDArray[Any] | None:
        """The kept rows, in order; None if there were none."""
        return np.concatenate(self._kept) if self._kept else None
