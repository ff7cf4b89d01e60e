"""A frame of measurements as stored in its file: numbers, their scale, and the areas without values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning

_RED_AND_BLUE: Final = 2
_SAMPLED_PIXELS: Final = 4_000_000
# Frames are examined in squares: large enough that noise does not fill one with equal numbers, few enough that a flood
# fill takes milliseconds.
_LEAST_SQUARE: Final = 4
_MAX_SQUARES: Final = 128  # along a side
_SAMPLE: Final = 100_000
# Share of the values around an area that lie below its number, as sky noise does where the sky was subtracted.
_SCATTER: Final = 0.05
# Step from the area's number up to the adjacent values, relative to the step up to the frame's median.
_STEP: Final = 0.8


@dataclass(frozen=True, slots=True)
class Frame:
    """An image's numbers.

    planes: (bands, height, width), one to three bands, red first; the green of two is their mean. Numbers as stored,
    the first row at the bottom. value = number * scale + zero; the number blank means no value.
    warnings: the choices made.
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
        """Some rows and columns as values, (height, width, 1 or 3), the first row on top; NaN for no value."""
        part = self.planes[:, ::-1][:, rows, columns]
        with np.errstate(over="ignore", invalid="ignore"):  # signalling NaNs and absurd scales
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
        with np.errstate(over="ignore", invalid="ignore"):
            bands = [self._uncovered(plane[::-1]) for plane in self.planes if reaches_edge(plane)]
        masks = [band for band in bands if band is not None]
        return np.logical_or.reduce(masks) if masks else None

    def _uncovered(self, plane: NDArray[Any]) -> NDArray[np.bool_] | None:
        # In frames of millions of pixels every second or third row and column is enough.
        step = 1 + math.isqrt(plane.size // _SAMPLED_PIXELS)
        upright = np.ascontiguousarray(plane[::step, ::step], plane.dtype.newbyteorder("="))
        none = None
        if upright.dtype.kind == "f":
            none = ~np.isfinite(upright)
        elif self.blank is not None:
            none = upright == self.blank
        mask = uncovered(upright, none if none is not None and none.any() else None, self.scale, self.zero)
        if mask is None or step == 1:
            return mask
        return _repeated(mask, step, plane.shape)


def uncovered(
    plane: NDArray[Any], none: NDArray[np.bool_] | None, scale: float = 1.0, zero: float = 0.0
) -> NDArray[np.bool_] | None:
    """Find the unobserved areas of a frame: constant or without values, and reaching the frame's edge.

    Reprojected and mosaicked frames are padded with 0, negative constants or NaN. Single pixels that happen to have
    the number are values, and so is a background that light fades into, as in simulations and masked galaxies.

    Parameters
    ----------
    plane
        (height, width) numbers of one band.
    none
        Mask of the numbers that are no value; None where all are values.
    scale, zero
        value = number * scale + zero.

    Returns
    -------
    (height, width), or None where all of the frame was observed.

    Notes
    -----
    A constant area counts where its value is 0 or below, the adjacent values differ from each other, and either some of
    these lie below it, as sky noise does where the sky was subtracted, or they lie nearly as far above it as the
    frame's median, as the sky does where it was not.
    """
    side = max(_LEAST_SQUARE, -(-max(plane.shape) // _MAX_SQUARES))
    low = _of_squares(np.minimum, plane, side)
    empty = np.zeros(low.shape, np.bool_) if none is None else _of_squares(np.minimum, none, side)
    flat = (low == _of_squares(np.maximum, plane, side)) & ~empty
    flat &= low * scale + zero <= 0
    rim = _rim(flat)
    if not (rim & (flat | empty)).any():
        return None
    numbers, counts = np.unique(low[rim & flat], return_counts=True)
    if numbers.size:
        number = numbers[counts.argmax()]
        area = _Area(_reached(empty | (flat & (low == number))), side, plane.shape)
        valueless = plane == number if none is None else (plane == number) | none
        if _is_no_value(plane, number, area, valueless):
            return area.of(valueless)
    return None if none is None else _Area(_reached(empty), side, plane.shape).of(none)


class _Area:
    """Squares of a frame, and the adjacent pixels."""

    def __init__(self, squares: NDArray[np.bool_], side: int, shape: tuple[int, ...]) -> None:
        self._inside = _repeated(squares, side, shape)
        wide = np.pad(squares, 1)
        rows = wide[:-2] | wide[1:-1] | wide[2:]
        self._around = _repeated(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:], side, shape)

    def of(self, valueless: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """The pixels without value in the area and at its border."""
        mask = self._around & valueless
        return mask if mask.any() else None

    def beside(self) -> NDArray[np.bool_]:
        """The pixels in adjacent squares."""
        return self._around & ~self._inside


def _repeated(coarse: NDArray[np.bool_], side: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of squares as a mask of pixels."""
    return np.repeat(np.repeat(coarse, side, axis=0), side, axis=1)[: shape[0], : shape[1]]


def _of_squares(extreme: np.ufunc, plane: NDArray[Any], side: int) -> NDArray[Any]:
    """The minimum or maximum of each square (rows, columns); the minimum of a mask: whether all are set."""
    rows = extreme.reduceat(plane, np.arange(0, plane.shape[0], side), axis=0)
    squares: NDArray[Any] = extreme.reduceat(rows, np.arange(0, plane.shape[1], side), axis=1)
    return squares


def reaches_edge(plane: NDArray[Any]) -> bool:
    """Whether any square at the frame's edge is constant or without values: a cheap first test, rarely true."""
    # For any byte order; blanks are constant as well.
    if min(plane.shape) < 2 * _LEAST_SQUARE:
        return False
    side = _LEAST_SQUARE
    for strip in (plane[:side], plane[-side:], plane[:, :side].T, plane[:, -side:].T):
        native = np.ascontiguousarray(strip, strip.dtype.newbyteorder("="))
        low, high = _of_squares(np.minimum, native, side), _of_squares(np.maximum, native, side)
        if ((low == high) | ~np.isfinite(low) | ~np.isfinite(high)).any():
            return True
    return False


def _rim(grid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rim = np.ones(grid.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    return rim


def _reached(open_squares: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flood fill: the open squares connected to the edge; each is visited once."""
    rows, columns = open_squares.shape
    stride = columns + 2
    left = bytearray(np.pad(open_squares, 1).tobytes())
    reached = np.zeros(len(left), np.bool_)
    waiting = np.flatnonzero(np.pad(open_squares & _rim(open_squares), 1)).tolist()
    for start in waiting:
        left[start] = 0
    while waiting:
        square = waiting.pop()
        reached[square] = True
        for near in (square - 1, square + 1, square - stride, square + stride):
            if left[near]:
                left[near] = 0
                waiting.append(near)
    return reached.reshape(rows + 2, stride)[1:-1, 1:-1]


def _is_no_value(plane: NDArray[Any], number: Any, area: _Area, valueless: NDArray[np.bool_]) -> bool:
    """Whether an area's number means no value (see uncovered)."""
    parts = plane[area.beside() & ~valueless], plane[~valueless]
    if not parts[0].size:
        return False
    beside, frame = (part[:: max(1, part.size // _SAMPLE)].astype(np.float64) for part in parts)
    if beside.min() == beside.max():
        return False
    # Relative to a number such as -1e30 the adjacent values are equal.
    beside, frame = beside - float(number), frame - float(number)
    height = float(np.median(frame))
    below = float((beside < 0).mean())
    return _SCATTER <= below <= 1 - _SCATTER or (height > 0 and float(np.median(beside)) >= _STEP * height)
