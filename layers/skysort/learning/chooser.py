"""Choosing a head by stratified folds: which blocks of features, which kind of head, which regularisation.

The criterion is the log loss of out-of-fold scores after their temperature, which is steadier than the accuracy of a
few dozen pictures. Blocks are chosen by discriminant analyses, then whether mirror images are further examples (which
harms where classes are each other's mirror images), then the kind of head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import folds, heads, space
from skysort.learning.calibration import fit_temperature, log_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.learning.space import Space

    Floats = NDArray[np.float64]

FOLDS: Final = 5
# Examples, with their mirror images, x classes up to which a logistic regression is tried: beyond, its iterations take
# minutes.
LOGISTIC_CELLS: Final = 20_000
DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A head that can be fitted: blocks of features, kind, regularisation; with the examples' mirror images or not."""

    blocks: tuple[str, ...]
    kind: str
    regularisation: float
    mirrored: bool = False

    def document(self) -> dict[str, Any]:
        """As in a card."""
        return {
            "features": list(self.blocks),
            "candidate": self.kind,
            "regularisation": self.regularisation,
            "mirrored_examples": self.mirrored,
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate's out-of-fold result. scores: (repeats x n, classes), uncalibrated."""

    candidate: Candidate
    scores: Floats
    temperature: float
    log_loss: float
    accuracy: float

    def document(self) -> dict[str, Any]:
        """As in a card."""
        return {
            **self.candidate.document(),
            "log_loss": round(self.log_loss, DIGITS),
            "accuracy": round(self.accuracy, DIGITS),
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """The best candidate and all that were tried, in the order of trial."""

    best: Tried
    tried: tuple[Tried, ...]


def block_sets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Each block alone, then all of them joined."""
    return [*((name,) for name in names), *([tuple(names)] if len(names) > 1 else [])]


def spaces(
    blocks: Mapping[str, NDArray[np.float32]],
    mirrored: Mapping[str, NDArray[np.float32]] | None = None,
    sets: Sequence[tuple[str, ...]] = (),
) -> dict[tuple[str, ...], Space]:
    """The space of each set of blocks.

    Parameters
    ----------
    blocks
        (n, d) features by name.
    mirrored
        Those of the examples' mirror images, if there are any.
    sets
        The sets; by default those of `block_sets`.

    Returns
    -------
    dict
        Without blocks in which all examples are alike; empty if they are in every one.
    """
    telling = [name for name, values in blocks.items() if (values != values[0]).any()]
    left = [tuple(name for name in names if name in telling) for names in sets or block_sets(telling)]
    return {names: space.build(blocks, names, mirrored=mirrored) for names in dict.fromkeys(left) if names}


def choose(
    found: Mapping[tuple[str, ...], Space],
    rows: NDArray[np.intp],
    labels: NDArray[np.int64],
    *,
    seed: int,
    wanted: int = FOLDS,
    repeats: int = 1,
    kinds: Sequence[str] = heads.KINDS,
) -> Choice:
    """Choose on some rows by repeated stratified folds.

    Parameters
    ----------
    found
        The space of each set of blocks.
    rows
        The examples to choose on.
    labels
        (n,) of all examples.
    seed
        Of the folds.
    wanted
        How many folds, where the classes are large enough.
    repeats
        How often the folds are drawn.
    kinds
        The kinds of head to try; the first with every set of blocks, the others with the best, and with mirror images
        if they help.

    Returns
    -------
    Choice
        Scores are those of the rows, in their order, once for each repeat.
    """
    seen = np.tile(labels[rows], repeats)
    classes, size = int(labels.max()) + 1, len(rows)
    parts = [
        (train, held_out, held_out + repeat * size)
        for repeat in range(repeats)
        for train, held_out in folds.splits(seen[:size], folds.largest(seen[:size], wanted), seed + repeat)
    ]

    @lru_cache(maxsize=1)  # those of every set would need too much memory
    def trainings(names: tuple[str, ...], mirrored: bool) -> list[heads.Training]:
        examples = (found[names].training(rows[train], labels, mirrored=mirrored) for train, _, _ in parts)
        return [heads.Training.of(*each, classes) for each in examples]

    def try_kind(names: tuple[str, ...], kind: str, *, mirrored: bool = False) -> list[Tried]:
        points = found[names].coordinates[rows]
        scores = {strength: np.empty((len(seen), classes)) for strength in heads.REGULARISATIONS[kind]}
        for training, (_, held_out, places) in zip(trainings(names, mirrored), parts, strict=True):
            weights = None
            for strength, into in sorted(scores.items(), reverse=True):  # each starts from the stronger one's solution
                weights = training.fit(kind, strength, weights)
                into[places] = training.scores(weights, points[held_out])
        return [_result(Candidate(names, kind, strength, mirrored), into, seen) for strength, into in scores.items()]

    tried = [result for names in found for result in try_kind(names, kinds[0])]
    names = min(tried, key=_loss).candidate.blocks
    if found[names].mirrored is not None:
        tried += try_kind(names, kinds[0], mirrored=True)
    mirrored = min(tried, key=_loss).candidate.mirrored
    for kind in kinds[1:]:
        if kind != heads.LOGISTIC or (1 + mirrored) * size * classes <= LOGISTIC_CELLS:
            tried += try_kind(names, kind, mirrored=mirrored)
    return Choice(min(tried, key=_loss), tuple(tried))


def fit(found: Space, rows: NDArray[np.intp], labels: NDArray[np.int64], candidate: Candidate) -> tuple[Floats, Floats]:
    """(r, classes), (classes,) head of the coordinates, fitted on some rows."""
    examples = found.training(rows, labels, mirrored=candidate.mirrored)
    training = heads.Training.of(*examples, int(labels.max()) + 1)
    return training.outside(training.fit(candidate.kind, candidate.regularisation))


def _result(candidate: Candidate, scores: Floats, labels: NDArray[np.int64]) -> Tried:
    # As in Platt (1999): without doubt, scores that separate a few examples would be certain of every further one.
    temperature = fit_temperature(scores, labels, doubt=1.0 / (len(labels) + 2))
    accuracy = float((scores.argmax(axis=1) == labels).mean())
    return Tried(candidate, scores, temperature, log_loss(scores, labels, temperature), accuracy)


def _loss(tried: Tried) -> float:
    return tried.log_loss
