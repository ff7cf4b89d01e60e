"""An even sample of classified rows, by which a whole is judged; samples of parts join to one of them together.

A part keeps fewer rows the later it comes, as 1, 1/2, 1/3 and so on: samples of parts of about one size, thinned to the
rows that the last of them keeps of so many, are as large together as that of one part alone, however many there are.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.star.thinned import Thinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

# Rows of a whole, and the fewest that a part keeps, if some parts should be much larger than others.
SAMPLED: Final = 10_000
_FEWEST: Final = 32
# As in documents.
_TYPE: Final = np.dtype("<f4")


class RowSample:
    """The sample of a table, or of a part of a job. part: its number, from 0."""

    def __init__(self, part: int = 0) -> None:
        self._kept = Thinned(max(_FEWEST, SAMPLED // (part + 1)))

    def add(self, photometry: Photometry, probabilities: NDArray[np.float32]) -> None:
        """Take the next rows."""
        picked = self._kept.pick(len(probabilities))
        self._kept.keep(np.column_stack([photometry.magnitudes[picked], probabilities[picked]]).astype(_TYPE))

    @property
    def rows(self) -> NDArray[np.float32] | None:
        """(k, bands + classes) magnitudes and probabilities; None without rows."""
        return self._kept.rows

    def document(self) -> dict[str, Any] | None:
        """As JSON; None without rows."""
        if self.rows is None:
            return None
        rows = base64.b64encode(self.rows.tobytes()).decode()
        return {"of": self._kept.seen, "every": self._kept.step, "columns": self.rows.shape[1], "rows": rows}


class JoinedSample:
    """The samples of parts, in their order."""

    def __init__(self, most: int = SAMPLED) -> None:
        self._most = most
        self._every = 1
        self._of = 0
        self._places: list[NDArray[np.int64]] = []
        self._rows: list[NDArray[np.float32]] = []

    def add(self, document: Mapping[str, Any]) -> None:
        """Take the next part's; raises ValueError, TypeError or KeyError for a damaged one."""
        part = np.frombuffer(base64.b64decode(document["rows"], validate=True), _TYPE)
        part = part.reshape(-1, document["columns"])
        self._places.append(self._of + document["every"] * np.arange(len(part), dtype=np.int64))
        self._rows.append(part)
        self._of += document["of"]
        # Where one part kept fewer rows, the others have to give up as many.
        self._every = max(self._every, document["every"])
        # Not every time: there are thousands of small parts.
        if sum(map(len, self._rows)) > 2 * self._most:
            self._thin()

    @property
    def rows(self) -> NDArray[np.float32] | None:
        """(k, bands + classes) magnitudes and probabilities; None without rows."""
        self._thin()
        return self._rows[0] if self._rows else None

    def _thin(self) -> None:
        """Keep the first row of so many that there are no more than wanted."""
        if not self._rows:
            return
        places, rows = np.concatenate(self._places), np.concatenate(self._rows)
        while True:
            first = np.unique(places // self._every, return_index=True)[1]
            places, rows = places[first], rows[first]
            if len(rows) <= self._most:
                break
            self._every *= 2
        self._places, self._rows = [places], [rows]


def split(rows: NDArray[np.float32], classes: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(k, bands) magnitudes and (k, classes) probabilities of a sample's rows."""
    return rows[:, :-classes].astype(np.float64), rows[:, -classes:]
