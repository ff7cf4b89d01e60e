"""From features and labels to a head: chosen by folds, fitted on everything, calibrated on out-of-fold scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import calibration, chooser, folds, sketch, space
from skysort.learning.calibration import COVERAGE, probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysort.learning.chooser import Candidate, Choice, Tried
    from skysort.learning.sketch import Sketch
    from skysort.learning.space import Space

    Floats = NDArray[np.float64]

# Examples of a class from which it has a conformal threshold of its own; smaller classes share one (Ding et al. 2023).
OWN_THRESHOLD: Final = 40
PROTOTYPES: Final = 800
FEW: Final = 300  # examples up to which the folds of the choice are drawn three times
REPEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of a head's scores: their temperature and the (classes,) conformal thresholds of the probabilities."""

    temperature: float
    thresholds: Floats

    @classmethod
    def of(cls, best: Tried, labels: NDArray[np.int64], classes: int) -> Calibration:
        """From out-of-fold scores; the first repeat's, so that each example counts once."""
        probability = probabilities(best.scores[: len(labels)], best.temperature)
        own = probability[np.arange(len(labels)), labels]
        counts = np.bincount(labels, minlength=classes)
        small = np.isin(labels, np.flatnonzero(counts < OWN_THRESHOLD))
        shared = calibration.threshold(own[small], COVERAGE) if small.any() else 0.0
        thresholds = [
            calibration.threshold(own[labels == label], COVERAGE) if counts[label] >= OWN_THRESHOLD else shared
            for label in range(classes)
        ]
        return cls(best.temperature, np.array(thresholds))

    def probabilities(self, scores: Floats) -> Floats:
        """(n, classes) calibrated."""
        return probabilities(scores, self.temperature)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted head of the raw features.

    candidate: what was chosen. blocks: names and sizes of the features, in their order. weights: (classes, d). bias:
    (classes,). sketch: the training examples in short, of the rows `kept`. choice: all that was tried.
    """

    candidate: Candidate
    blocks: tuple[tuple[str, int], ...]
    weights: Floats
    bias: Floats
    calibration: Calibration
    sketch: Sketch
    kept: NDArray[np.intp]
    choice: Choice

    def document(self) -> dict[str, Any]:
        """The card's hyperparameters."""
        return {
            **self.candidate.document(),
            "criterion": "log loss of out-of-fold scores, stratified folds",
            "tried": [tried.document() for tried in self.choice.tried],
        }


def repeats_of(examples: int) -> int:
    """How often the folds of a choice are drawn."""
    return REPEATS if examples <= FEW else 1


def fit(
    blocks: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    seed: int,
    spaces: Mapping[tuple[str, ...], Space] | None = None,
) -> Fit:
    """Choose and fit a head.

    Parameters
    ----------
    blocks
        (n, d) features by name, in the order in which they are computed at serving.
    labels
        (n,) classes from 0, each with at least two examples.
    seed
        Of folds and sketch: the same input and seed give the same head.
    spaces
        What chooser.spaces made of the blocks, where it is there already.

    Returns
    -------
    Fit
        Its calibration and the choice are of out-of-fold scores, its weights of all examples.
    """
    found = spaces or chooser.spaces(blocks)
    everything, classes = np.arange(len(labels)), int(labels.max()) + 1
    choice = chooser.choose(found, everything, labels, seed=seed, repeats=repeats_of(len(labels)))
    candidate = choice.best.candidate
    of = found[candidate.blocks]
    weights, bias = of.raw(*chooser.fit(of, everything, labels, candidate))
    kept = folds.subset(labels, min(PROTOTYPES, len(labels)), seed)
    examples = sketch.make(
        space.join(blocks, candidate.blocks),
        of.mean.astype(np.float32),
        of.weight.astype(np.float32),
        kept=kept,
        seed=seed,
    )
    return Fit(
        candidate,
        of.blocks,
        weights,
        bias,
        Calibration.of(choice.best, labels, classes),
        examples,
        kept,
        choice,
    )
