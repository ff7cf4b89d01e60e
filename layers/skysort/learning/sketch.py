"""The training examples in short: what looks alike, and whether a new example is like them at all.

Features are projected on the principal axes of the training examples, stored in a byte a value. What looks alike is
the cosine between projections. How unusual an example is, is what of it lies outside those axes, as in Wang et al. 2022
("ViM: out-of-distribution with virtual-logit matching"): of eight distances tried, it found most pictures of another
kind.

Typicality is the conformal p-value (Vovk, Gammerman & Shafer 2005) of that distance: the share of training examples,
each measured with a mean and axes that it had no part in, that are at least as far. Beyond the farthest of them, where
the p-value would stand still at 1 / (n + 1), it falls on with the exponential tail of the reference values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import folds

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES: Final = 32
STEPS: Final = 127  # of a byte
FOLDS: Final = 5
THRESHOLD: Final = 0.005
TAIL: Final = 0.1  # share of the reference values that gives the tail beyond them
LEAST_TAIL: Final = 5
SMALLEST: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Sketch:
    """The principal axes of the training examples and where these lie.

    mean, weight: (d,) as of the head's space. axes: (d, k) int8, each times `step` of (k,) of unit length. prototypes:
    (m, k) int8 projections, to unit length but for rounding. reference: (n,) sorted distances of the training examples.
    """

    mean: NDArray[np.float32]
    weight: NDArray[np.float32]
    axes: NDArray[np.int8]
    step: NDArray[np.float32]
    prototypes: NDArray[np.int8]
    reference: NDArray[np.float32]

    def place(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, m) cosines of (n, d) features with the prototypes, from -1 to 1, and (n,) distances from the axes."""
        scaled = (features - self.mean) * self.weight
        projected = (scaled @ self.axes.astype(np.float32)) * self.step
        cosines = _unit(projected) @ _unit(self.prototypes.astype(np.float32)).T
        return np.clip(cosines, -1.0, 1.0), _outside(scaled, projected)

    def typicality(self, distance: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) p-values of (n,) distances."""
        return p_values(self.reference, distance)


def p_values(reference: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n,) conformal p-values of (n,) values, of which large ones are odd; reference: sorted ones of good examples."""
    larger = len(reference) - np.searchsorted(reference, values, side="left")
    within = (1.0 + larger) / (1.0 + len(reference))
    tail = reference[-max(LEAST_TAIL, round(TAIL * len(reference))) :]
    # The least of the tail is where it begins, and no excess over it.
    scale = max(float((tail - tail[0]).sum()) / max(len(tail) - 1, 1), SMALLEST)
    beyond = np.maximum(values - float(reference[-1]), 0.0) / scale
    return np.asarray(np.maximum(within * np.exp(-beyond), SMALLEST))


def make(
    features: NDArray[np.float32],
    mean: NDArray[np.float32],
    weight: NDArray[np.float32],
    kept: NDArray[np.intp],
    seed: int,
) -> Sketch:
    """Sketch training examples.

    Parameters
    ----------
    features
        (n, d) of all the training examples.
    mean, weight
        (d,) of the head's space.
    kept
        The rows that become prototypes.
    seed
        Of the folds of the reference distances.

    Returns
    -------
    Sketch
        With as many axes as the examples allow, at most AXES.
    """
    scaled: NDArray[np.float32] = np.asarray((features - mean) * weight, dtype=np.float32)
    count = max(1, min(AXES, len(features) // 2, features.shape[1]))
    reference = np.empty(len(features), np.float32)
    for train, held_out in folds.splits(np.zeros(len(features), np.int64), FOLDS, seed):
        # Nor had they a part in this mean: of ten examples each would draw it a tenth of the way to itself.
        centre = scaled[train].mean(axis=0)
        apart = scaled[held_out] - centre
        reference[held_out] = _outside(apart, apart @ _principal(scaled[train] - centre, min(count, len(train))))
    axes = _principal(scaled, count)
    step = np.maximum(np.abs(axes).max(axis=0) / STEPS, np.finfo(np.float32).tiny).astype(np.float32)
    stored = np.round(axes / step).astype(np.int8)
    projected = _unit((scaled[kept] @ stored.astype(np.float32)) * step)
    prototypes = np.round(projected * STEPS).astype(np.int8)
    return Sketch(mean, weight, stored, step, prototypes, np.sort(reference))


def _principal(scaled: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """(d, count) principal axes; the examples' mean is close to zero already."""
    if scaled.shape[1] < len(scaled):
        return np.asarray(np.linalg.eigh(scaled.T @ scaled)[1][:, ::-1][:, :count], dtype=np.float32)
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    length = np.sqrt(np.maximum(values[::-1][:count], np.finfo(np.float32).tiny))
    return np.asarray(scaled.T @ (vectors[:, ::-1][:, :count] / length), dtype=np.float32)


def _outside(scaled: NDArray[np.float32], projected: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) squared length of what the projection leaves out."""
    return np.asarray(np.square(scaled).sum(axis=1) - np.square(projected).sum(axis=1), dtype=np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)
