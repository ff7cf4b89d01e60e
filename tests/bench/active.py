"""Which unlabelled examples to label next: the least certain, and among them those unlike each other.

The page asks by the same idea in a form of its own (functions/site/js/train/uncertain.js: margin and distance added
up), which only sees what answers contain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUND: Final = 10
POOL: Final = 5  # times as many of the least certain as are asked for


def margins(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n,) the gap between the two most probable classes: 0 is least certain."""
    highest = np.partition(probability.astype(np.float64), probability.shape[1] - 2, axis=1)[:, -2:]
    return np.asarray(highest[:, 1] - highest[:, 0])


def pick(
    probability: NDArray[np.floating[Any]], features: NDArray[np.floating[Any]], count: int = ROUND
) -> NDArray[np.intp]:
    """Rows to label next.

    Parameters
    ----------
    probability
        (n, classes) of the unlabelled examples.
    features
        (n, d) of the same, for their distances.
    count
        How many.

    Returns
    -------
    ndarray of intp
        The least certain first; each further one is of the least certain the farthest from those already taken.
    """
    uncertain = np.argsort(margins(probability), kind="stable")[: POOL * count]
    points = features[uncertain].astype(np.float64)
    taken = [0]
    nearest = np.square(points - points[0]).sum(axis=1)
    while len(taken) < min(count, len(uncertain)):
        nearest[taken] = -1.0
        following = int(nearest.argmax())
        taken.append(following)
        nearest = np.minimum(nearest, np.square(points - points[following]).sum(axis=1))
    return uncertain[taken]
