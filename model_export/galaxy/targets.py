"""Training targets: eight classes with resampled votes, and the question tree.

A galaxy's class comes from some forty volunteers; others might have voted differently, and the
vote fractions say how often. `redrawn` simulates that, and the training target is a blend of the
class in the catalogue and the classes of the simulated votes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy.labels import ANSWERS, CLASSES, INDEX, QUESTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue

VOLUNTEERS: Final = 40  # the median number of classifications of a GZ2 galaxy (Willett et al. 2013) is 44
DRAWS: Final = 200
MAJORITY: Final = 0.5
COLUMN: Final = {answer: index for index, answer in enumerate(ANSWERS)}
# Bar and spiral of a galaxy whose votes on them are missing: the shares among face-on featured galaxies.
FALLBACK: Final = {"bar": (0.3, 0.7), "spiral": (0.85, 0.15)}


def path_class(votes: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) the class at the end of the decision path; votes (n, 37), cumulative fractions without NaN."""
    # The rule of the galaxy-datasets catalogue: a majority for smooth or featured, and for face-on before bar and
    # spiral are considered; arg max elsewhere. A bar without arms has no class there and is `irregular`, as is
    # everything without a majority.

    def vote(answer: str) -> NDArray[np.float64]:
        return votes[:, COLUMN[answer]]

    roundness = votes[:, [COLUMN[answer] for answer in QUESTIONS["roundness"]]].argmax(axis=1)
    smooth = np.array([INDEX["smooth_round"], INDEX["smooth_inbetween"], INDEX["smooth_cigar"]])[roundness]
    bar, spiral = vote("Class3.1") > vote("Class3.2"), vote("Class4.1") > vote("Class4.2")
    with_arms = np.where(bar, INDEX["barred_spiral"], INDEX["unbarred_spiral"])
    without_arms = np.where(bar, INDEX["irregular"], INDEX["featured_without_bar_or_spiral"])
    face_on = np.where(vote("Class2.2") > MAJORITY, np.where(spiral, with_arms, without_arms), INDEX["irregular"])
    featured = np.where(vote("Class2.1") > vote("Class2.2"), INDEX["edge_on_disk"], face_on)
    rest = np.where(vote("Class1.2") > MAJORITY, featured, INDEX["irregular"])
    return np.where(vote("Class1.1") > MAJORITY, smooth, rest)


def redrawn(votes: NDArray[np.float64], seed: int, draws: int = DRAWS) -> NDArray[np.float64]:
    """(n, 8) frequency of each class when votes are resampled; NaN rows without votes."""
    generator = np.random.default_rng(seed)
    known = ~np.isnan(votes[:, COLUMN["Class1.1"]])
    share = np.full((len(votes), len(CLASSES)), np.nan)
    shares = _conditional(votes[known])
    counts = np.zeros((int(known.sum()), len(CLASSES)))
    for _ in range(draws):
        drawn = np.zeros((len(counts), len(ANSWERS)))

        def ask(
            question: str, share_asked: NDArray[np.float64] | float, drawn: NDArray[np.float64] = drawn
        ) -> NDArray[np.float64]:
            asked = np.round(VOLUNTEERS * share_asked * np.ones(len(counts))).astype(np.int64)
            answers = generator.multinomial(np.maximum(asked, 1), shares[question]) / np.maximum(asked, 1)[:, None]
            # Fractions stay cumulative, as in the catalogue.
            cumulative: NDArray[np.float64] = answers * np.broadcast_to(share_asked, len(counts))[:, None]
            drawn[:, [COLUMN[answer] for answer in QUESTIONS[question]]] = cumulative
            return cumulative

        first = ask("smooth_or_features", 1.0)
        ask("roundness", first[:, 0])
        edge = ask("edge_on", first[:, 1])
        ask("bar", edge[:, 1])
        ask("spiral", edge[:, 1])
        counts[np.arange(len(counts)), path_class(drawn)] += 1
    share[known] = counts / draws
    return share


def _conditional(votes: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    shares = {}
    for question in ("smooth_or_features", "edge_on", "bar", "spiral", "roundness"):
        part = votes[:, [COLUMN[answer] for answer in QUESTIONS[question]]]
        total = np.nansum(part, axis=1, keepdims=True)
        answers = part.shape[1]
        fallback = np.array(FALLBACK.get(question, (1 / answers,) * answers))
        safe = np.where(total > 0, np.nan_to_num(part) / np.where(total > 0, total, 1.0), fallback)
        shares[question] = safe / safe.sum(axis=1, keepdims=True)
    return shares


def class_targets(catalogue: Catalogue, softness: float, seed: int) -> NDArray[np.float32]:
    """(n, 8) training targets of exact rows: (1 - softness) x the class + softness x resampled votes."""
    # Rows without votes keep their class. Rows of unknown class are zero: the loss uses the allowed classes.
    target = np.zeros((len(catalogue), len(CLASSES)), dtype=np.float32)
    exact = np.flatnonzero(catalogue.exact)
    target[exact, catalogue.label[exact]] = 1.0
    soft = redrawn(catalogue.votes, seed)
    voted = exact[~np.isnan(soft[exact, 0])]
    target[voted] = (1 - softness) * target[voted] + softness * soft[voted]
    return target


def tree_targets(catalogue: Catalogue) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, 37) conditional answer shares of each question, and (n, 11) the share asked, 0 where unknown."""
    answers = np.zeros((len(catalogue), len(ANSWERS)), dtype=np.float32)
    asked = np.zeros((len(catalogue), len(QUESTIONS)), dtype=np.float32)
    for index, names in enumerate(QUESTIONS.values()):
        columns = [COLUMN[name] for name in names]
        part = catalogue.votes[:, columns]
        total = part.sum(axis=1)
        known = np.nan_to_num(total) > 0
        answers[np.ix_(known, columns)] = part[known] / total[known, None]
        asked[known, index] = np.minimum(total[known], 1.0)
    return answers, asked
