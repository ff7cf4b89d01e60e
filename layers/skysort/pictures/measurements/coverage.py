"""Pixels of a frame that have no value: beyond the edge of what was observed, and holes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Frames are looked at in squares of pixels, at least so wide that noise does not fill one with equal numbers, and
# at most so many that following them costs milliseconds.
_LEAST_SQUARE: Final = 4
_MOST_SQUARES: Final = 128  # along a side
_SAMPLE: Final = 100_000
# Of the values around an area, below its number: sky noise around a frame whose sky was subtracted.
_SCATTER: Final = 0.05
# How far the area's number lies below the values beside it, against how far it lies below those of the frame.
_STEP: Final = 0.8
_SMOOTHING_PASSES: Final = 8


def uncovered(
    plane: NDArray[Any], none: NDArray[np.bool_] | None, scale: float = 1.0, zero: float = 0.0
) -> NDArray[np.bool_] | None:
    """Where a frame was not observed: areas of one number, or of no value, that reach the frame's edge.

    Reprojected and mosaicked frames are filled up with 0, negative constants or NaN. Single pixels that happen to have
    the number are values, and so is a background that light fades into, as simulations and cut-out galaxies have it.

    Parameters
    ----------
    plane
        (height, width) numbers of one band.
    none
        Which of them are no value; None where all are values.
    scale, zero
        value = number * scale + zero.

    Returns
    -------
    (height, width), or None where all of the frame was observed.

    Notes
    -----
    An area of one number counts where its value is 0 or below, the values beside it differ from each other, and
    either some of these lie below it, as sky noise does where the sky was subtracted, or they stand nearly as high
    above it as the frame's middle, as sky does where it was not.
    """
    side = max(_LEAST_SQUARE, -(-max(plane.shape) // _MOST_SQUARES))
    empty = np.zeros(_grid(plane.shape, side), np.bool_)
    if none is not None:
        empty = _lowest(none, side)
    low = _lowest(plane, side)
    flat = (low == _highest(plane, side)) & ~empty
    flat &= low * scale + zero <= 0
    rim = _rim(flat)
    if not (rim & (flat | empty)).any():
        return None
    number = _most_common(low[rim & flat])
    if number is not None:
        area = _Area(_reached(empty | (flat & (low == number))), side, plane.shape)
        same = plane == number
        if _is_no_value(plane, number, area, same if none is None else same | none):
            return area.of(same if none is None else same | none)
    return None if none is None else _Area(_reached(empty), side, plane.shape).of(none)


class _Area:
    """Squares of a frame, and the pixels beside them."""

    def __init__(self, squares: NDArray[np.bool_], side: int, shape: tuple[int, ...]) -> None:
        self._squares, self._side, self._shape = squares, side, shape
        self._around = self._pixels(_grown(squares))

    def _pixels(self, squares: NDArray[np.bool_]) -> NDArray[np.bool_]:
        whole = np.repeat(np.repeat(squares, self._side, axis=0), self._side, axis=1)
        return whole[: self._shape[0], : self._shape[1]]

    def of(self, valueless: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """The valueless pixels in the area and at its border."""
        found = self._around & valueless
        return found if found.any() else None

    def beside(self) -> NDArray[np.bool_]:
        """The pixels in squares that touch the area's."""
        return self._around & ~self._pixels(self._squares)


def _grid(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    return -(-shape[0] // side), -(-shape[1] // side)


def _lowest(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """The lowest number of each square (rows, columns); of flags, whether all of them are set."""
    return np.minimum.reduceat(_by_rows(np.minimum, plane, side), np.arange(0, plane.shape[1], side), axis=1)


def _highest(plane: NDArray[Any], side: int) -> NDArray[Any]:
    return np.maximum.reduceat(_by_rows(np.maximum, plane, side), np.arange(0, plane.shape[1], side), axis=1)


def _by_rows(lowest_or_highest: np.ufunc, plane: NDArray[Any], side: int) -> NDArray[Any]:
    found: NDArray[Any] = lowest_or_highest.reduceat(plane, np.arange(0, plane.shape[0], side), axis=0)
    return found


def reaches_edge(plane: NDArray[Any]) -> bool:
    """Whether anything along the frame's edge is flat or without value; asked first, as it nearly never is.

    plane: (height, width) numbers of one band, in whatever order of bytes; what is no value by its number, as a blank
    is, is flat as well.
    """
    if min(plane.shape) < 2 * _LEAST_SQUARE:
        return False
    side = _LEAST_SQUARE
    for strip in (plane[:side], plane[-side:], plane[:, :side].T, plane[:, -side:].T):
        native = np.ascontiguousarray(strip, strip.dtype.newbyteorder("="))
        low, high = _lowest(native, side), _highest(native, side)
        if ((low == high) | ~np.isfinite(low) | ~np.isfinite(high)).any():
            return True
    return False


def _rim(grid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rim = np.ones(grid.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    return rim


def _most_common(numbers: NDArray[Any]) -> Any:
    if not numbers.size:
        return None
    values, counts = np.unique(numbers, return_counts=True)
    return values[counts.argmax()]


def _reached(open_squares: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The open squares that can be walked to from the edge over open squares; each is stepped on once."""
    rows, columns = open_squares.shape
    stride = columns + 2
    left = bytearray(np.pad(open_squares, 1).tobytes())
    found = np.zeros(len(left), np.bool_)
    waiting = np.flatnonzero(np.pad(open_squares & _rim(open_squares), 1)).tolist()
    for start in waiting:
        left[start] = 0
    while waiting:
        at = waiting.pop()
        found[at] = True
        for near in (at - 1, at + 1, at - stride, at + stride):
            if left[near]:
                left[near] = 0
                waiting.append(near)
    return found.reshape(rows + 2, stride)[1:-1, 1:-1]


def _grown(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The squares of an area and those that touch it."""
    wide = np.pad(area, 1)
    rows = wide[:-2] | wide[1:-1] | wide[2:]
    grown: NDArray[np.bool_] = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return grown


def _is_no_value(plane: NDArray[Any], number: Any, area: _Area, valueless: NDArray[np.bool_]) -> bool:
    """Whether an area's number stands for no value (see uncovered)."""
    parts = plane[area.beside() & ~valueless], plane[~valueless]
    if not parts[0].size:
        return False
    beside, frame = (part[:: max(1, part.size // _SAMPLE)].astype(np.float64) for part in parts)
    if beside.min() == beside.max():
        return False
    # Against a number such as -1e30 the values beside it are equal.
    beside, frame = beside - float(number), frame - float(number)
    height = float(np.median(frame))
    below = float((beside < 0).mean())
    return _SCATTER <= below <= 1 - _SCATTER or (height > 0 and float(np.median(beside)) >= _STEP * height)


def fill(values: NDArray[np.float64], outside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill holes from what lies around them: a saturated core is bright, a dead column is like its neighbours.

    Parameters
    ----------
    values
        (height, width, bands), NaN for none.
    outside
        (height, width), where nothing was observed, which stays without value.

    Returns
    -------
    The values, as far as each band has any.
    """
    missing = np.isnan(values) & ~outside[..., np.newaxis]
    if not missing.any():
        return values
    filled = np.stack([_from_the_rim(values[..., band], missing[..., band]) for band in range(values.shape[2])], axis=2)
    known = np.where(np.isnan(filled), 0.0, 1.0)
    for _ in range(_SMOOTHING_PASSES):
        light, weight = _neighbours(np.nan_to_num(filled, nan=0.0)), _neighbours(known)
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = np.where(missing & (weight > 0), light / weight, filled)
    return filled


def _from_the_rim(values: NDArray[np.float64], holes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill one band's holes from their rims inwards, each pixel once, by the mean of its neighbours that are known."""
    wide = np.pad(values, 1, constant_values=np.nan)
    stride = wide.shape[1]
    around = np.array([-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1])
    flat, open_ = wide.reshape(-1), np.pad(holes, 1).reshape(-1)
    waiting = np.flatnonzero(open_)
    while waiting.size:
        near = waiting[:, np.newaxis] + around
        light = flat[near]
        known = ~np.isnan(light)
        count = known.sum(axis=1)
        ready = count > 0
        with np.errstate(over="ignore"):
            flat[waiting[ready]] = np.where(known, light, 0.0)[ready].sum(axis=1) / count[ready]
        open_[waiting[ready]] = False
        further = near[ready]
        waiting = np.unique(further[open_[further]])
    return wide[1:-1, 1:-1]


def mean_of_blocks(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Mean of the values there are in blocks of factor x factor pixels, NaN where there are none; a rest is left."""
    height, width, bands = values.shape
    rows, columns = height // factor, width // factor
    blocks = values[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, bands)
    known = ~np.isnan(blocks)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        means: NDArray[np.float64] = np.where(known, blocks, 0.0).sum(axis=(1, 3)) / known.sum(axis=(1, 3))
    return means


def _neighbours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
