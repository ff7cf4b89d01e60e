"""Accuracy by the number of labelled examples, and what more of them would bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import chooser, folds, heads
from skysort.learning.metrics import DIGITS, interval, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.learning.space import Space

    Floats = NDArray[np.float64]

SIZES: Final = (10, 20, 50, 100, 200, 500, 1_000, 2_000)
TRAINING_SHARE: Final = 0.8  # of the examples, in each of five folds
FOLDS: Final = 5
INNER_FOLDS: Final = 3
PASSES: Final = 2
MORE: Final = 50
REPLICATES: Final = 500
SEED: Final = 20260102
LEAST_POINTS: Final = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """sizes: (k,) numbers of training examples. right: (k, n) how often each held-out example was recognised."""

    sizes: tuple[int, ...]
    right: Floats

    def document(self) -> list[dict[str, Any]]:
        """As in a card: examples and accuracy with its interval."""
        return [
            {"examples": size, "accuracy": share(float(right.mean()), len(right))}
            for size, right in zip(self.sizes, self.right, strict=True)
        ]

    def forecast(self, right: Floats) -> dict[str, Any]:
        """What MORE examples in all would bring.

        Parameters
        ----------
        right
            (n,) how often each example was recognised by a head of all the others' folds.

        Returns
        -------
        dict
            ``examples`` (as many as there are and MORE), ``accuracy`` and ``gain``, with intervals over examples. The
            error is taken to fall as a + b / sqrt(examples), fitted to the curve and to today's accuracy.
        """
        count = len(right)
        sizes = np.array([*self.sizes, TRAINING_SHARE * count])
        points = np.vstack([self.right, right])
        now, later = TRAINING_SHARE * count, TRAINING_SHARE * (count + MORE)
        gains = [_gain(sizes, 1 - points @ draw, now, later) for draw in _draws(count)]
        gain = _gain(sizes, 1 - points.mean(axis=1), now, later)
        today = share(float(right.mean()), count)
        accuracy = interval(min(today["value"] + gain, 1.0), np.minimum(_draws(count) @ right + gains, 1.0))
        # No surer than today's accuracy is: where all are right, every draw of them says so.
        accuracy["low"] = min(accuracy["low"], round(accuracy["value"] - (today["value"] - today["low"]), DIGITS))
        return {
            "examples": count + MORE,
            "accuracy": accuracy,
            "gain": interval(gain, gains),
        }


def measure(
    found: Mapping[tuple[str, ...], Space],
    labels: NDArray[np.int64],
    *,
    seed: int,
    sizes: Sequence[int] = SIZES,
    passes: int = PASSES,
) -> Curve:
    """Fit heads to random parts of the training examples of each fold.

    Parameters
    ----------
    found, labels, seed
        As in chooser.choose.
    sizes
        Numbers of training examples; those that the classes or the folds do not allow are left out.
    passes
        How often the folds are drawn.

    Returns
    -------
    Curve
        Blocks and regularisation of each head were chosen by folds of its own examples.
    """
    classes = int(labels.max()) + 1
    allowed = tuple(size for size in sizes if 2 * classes <= size < TRAINING_SHARE * len(labels))
    right = np.zeros((len(allowed), len(labels)))
    for repeat in range(passes):
        for fold, (train, held_out) in enumerate(folds.splits(labels, folds.largest(labels, FOLDS), seed + repeat)):
            for place, size in enumerate(allowed):
                rows = train[folds.subset(labels[train], size, seed + FOLDS * repeat + fold)]
                if len(np.unique(labels[rows])) < classes:
                    continue
                choice = chooser.choose(found, rows, labels, seed=seed, wanted=INNER_FOLDS, kinds=(heads.LDA,))
                of = found[choice.best.candidate.blocks]
                weights, bias = chooser.fit(of, rows, labels, choice.best.candidate)
                predicted = (of.coordinates[held_out] @ weights + bias).argmax(axis=1)
                right[place, held_out] += (predicted == labels[held_out]) / passes
    return Curve(allowed, right)


def _gain(sizes: Floats, errors: Floats, now: float, later: float) -> float:
    """By how much the error falls between two sizes on the curve a + b / sqrt(size), a and b not below zero."""
    if len(sizes) < LEAST_POINTS:
        return 0.0
    slope = 1 / np.sqrt(sizes)
    weight = np.sqrt(sizes)  # the larger sizes say more of what comes next
    mean_slope, mean_error = np.average(slope, weights=weight), np.average(errors, weights=weight)
    spread = np.average((slope - mean_slope) ** 2, weights=weight)
    steepness = np.average((slope - mean_slope) * (errors - mean_error), weights=weight) / max(spread, 1e-12)
    steepness = np.clip(steepness, 0.0, mean_error / mean_slope)  # a >= 0
    return float(steepness * (1 / np.sqrt(now) - 1 / np.sqrt(later)))


def _draws(count: int) -> Floats:
    """(REPLICATES, count) bootstrap weights of the examples, each row with the sum 1."""
    return np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), REPLICATES) / count
