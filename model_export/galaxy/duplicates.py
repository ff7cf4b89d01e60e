"""Which pictures show the same sky, so that one never trains what the other tests.

Any two round smooth galaxies look alike, so likeness of the pixels says little. What sets a
picture apart is what is left when the common look is taken away: pictures are projected on the
leading principal components of all of them and whitened, which leaves neighbours, noise and
asymmetries to compare. EFIGI pictures are compared at several zooms, since their frames follow
the galaxy's diameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy.crops import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

THUMBNAIL: Final = 32
COMPONENTS: Final = 200
BLOCK: Final = 1024
# Chosen by looking at the pairs: no two Galaxy Zoo 2 pictures above it are one galaxy, they share the
# place of a bright star at most; between the surveys most pairs above it are one galaxy.
SAME_SKY: Final = 0.7
WINDOW: Final = 200
EFIGI_WINDOW: Final = 98
ZOOMS: Final = (50, 60, 70, 80, 92, 106, 122, 140, 160, 184, 210)


def grey(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 218, 218) luminance of (n, 218, 218, 3) crops."""
    out = np.empty(crops.shape[:3], dtype=np.uint8)
    for start in range(0, len(crops), BLOCK):
        block = crops[start : start + BLOCK].astype(np.uint16)
        out[start : start + BLOCK] = (block[..., 0] + 2 * block[..., 1] + block[..., 2]) // 4
    return out


def thumbnails(greys: NDArray[np.uint8], window: int) -> NDArray[np.float32]:
    """(n, 32 x 32) mean grey of the middle `window` pixels (at least 32), square-root stretched."""
    edge = (SIDE - window) // 2
    cells = np.linspace(edge, edge + window, THUMBNAIL + 1).astype(int)
    out = np.empty((len(greys), THUMBNAIL * THUMBNAIL), dtype=np.float32)
    for start in range(0, len(greys), BLOCK):
        block = greys[start : start + BLOCK, : cells[-1], : cells[-1]].astype(np.float32)
        sums = np.add.reduceat(np.add.reduceat(block, cells[:-1], axis=1), cells[:-1], axis=2)
        sizes = np.outer(np.diff(cells), np.diff(cells))
        out[start : start + BLOCK] = np.sqrt(sums / sizes).reshape(len(block), -1)
    return out


class Whitener:
    """Principal components of a reference set of thumbnails, scaled to equal weight."""

    def __init__(self, reference: NDArray[np.float32], components: int = COMPONENTS) -> None:
        normal = _standardise(reference)
        self._mean = normal.mean(axis=0)
        centred = normal - self._mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        kept = slice(-min(components, len(values)), None)
        self._projection = vectors[:, kept] / np.sqrt(values[kept] + 1e-6)

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, components) unit vectors whose dot product is the likeness, -1 to 1."""
        projected = (_standardise(pictures) - self._mean) @ self._projection
        return (projected / np.linalg.norm(projected, axis=1, keepdims=True)).astype(np.float32)


def pairs_above(
    left: NDArray[np.float32], right: NDArray[np.float32], threshold: float
) -> list[tuple[int, int, float]]:
    """(row of left, row of right, likeness) of every pair at or above the threshold."""
    found = []
    for start in range(0, len(left), BLOCK):
        likeness = left[start : start + BLOCK] @ right.T
        rows, columns = np.nonzero(likeness >= threshold)
        found += [
            (start + int(row), int(column), float(likeness[row, column]))
            for row, column in zip(rows, columns, strict=True)
        ]
    return found


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,) for each picture the lowest index that it is linked to through any chain of pairs."""
    parent = np.arange(count)

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = int(parent[place])
        return place

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(place) for place in range(count)], dtype=np.int64)


def same_sky(gz2: NDArray[np.uint8], efigi: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of one sky among the crops of both surveys; EFIGI pictures are numbered after the others.

    gz2, efigi: (n, 218, 218, 3) crops as crops.py makes them.
    """
    greys, efigi_greys = grey(gz2), grey(efigi)
    wide = thumbnails(greys, WINDOW)
    projected = Whitener(wide)(wide)
    pairs = [(one, other) for one, other, _ in pairs_above(projected, projected, SAME_SKY) if one < other]
    frames = thumbnails(efigi_greys, EFIGI_WINDOW)
    whitener = Whitener(frames)
    efigi_projected = whitener(frames)
    pairs += [
        (len(gz2) + one, len(gz2) + other)
        for one, other, _ in pairs_above(efigi_projected, efigi_projected, SAME_SKY)
        if one < other
    ]
    for zoom in ZOOMS:
        found = pairs_above(whitener(thumbnails(greys, zoom)), efigi_projected, SAME_SKY)
        pairs += [(one, len(gz2) + other) for one, other, _ in found]
    return sorted(set(pairs))


def _standardise(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=1, keepdims=True) + 1e-6))
