"""A frame of measurements as it lies in its file: numbers, and how they become brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.pictures.measurements.coverage import reaches_edge, uncovered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning

_RED_AND_BLUE: Final = 2
_LOOKED_AT: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """An image's numbers.

    planes: (bands, height, width), one to three, the file's own numbers, the first row at the bottom of the sky; red
    first. Of two the green between them is their mean. value = number * scale + zero; the number blank stands for no
    value. warnings: what was chosen.
    """

    planes: NDArray[Any]
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    warnings: tuple[InputWarning, ...] = ()

    @property
    def is_picture(self) -> bool:
        """Whether it holds bytes, which are ready for display, not measurements."""
        as_stored = self.planes.dtype == np.uint8 and self.scale == 1 and self.zero == 0
        return as_stored and len(self.planes) != _RED_AND_BLUE

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.planes.shape[1:]
        return width, height

    def values(self, rows: slice, columns: slice) -> NDArray[np.float64]:
        """Some rows and columns as values, (height, width, 1 or 3) with the first row on top; NaN for none."""
        part = self.planes[:, ::-1][:, rows, columns]
        with np.errstate(over="ignore", invalid="ignore"):  # signalling NaNs and scales out of all proportion
            values = part.astype(np.float64)
            if self.blank is not None:
                values[part == self.blank] = np.nan
            values *= self.scale
            values += self.zero
            if len(values) == _RED_AND_BLUE:
                values = np.stack([values[0], values.mean(axis=0), values[1]])
        values[~np.isfinite(values)] = np.nan
        return np.moveaxis(values, 0, -1)

    def uncovered(self) -> NDArray[np.bool_] | None:
        """(height, width), the first row on top: where a band was not observed; None where all of them were."""
        found = None
        for plane in self.planes:
            with np.errstate(over="ignore", invalid="ignore"):
                band = self._uncovered(plane[::-1]) if reaches_edge(plane) else None
            if band is not None:
                found = band if found is None else found | band
        return found

    def _uncovered(self, plane: NDArray[Any]) -> NDArray[np.bool_] | None:
        # Of frames of millions of pixels every second or third row and column tell enough.
        step = 1 + math.isqrt(plane.size // _LOOKED_AT)
        upright = np.ascontiguousarray(plane[::step, ::step], plane.dtype.newbyteorder("="))
        none = None
        if upright.dtype.kind == "f":
            none = ~np.isfinite(upright)
        elif self.blank is not None:
            none = upright == self.blank
        found = uncovered(upright, none if none is not None and none.any() else None, self.scale, self.zero)
        if found is None or step == 1:
            return found
        return np.repeat(np.repeat(found, step, axis=0), step, axis=1)[: plane.shape[0], : plane.shape[1]]
