"""Linear heads on coordinates: shrinkage discriminant analysis, ridge and multinomial logistic regression.

One eigendecomposition of the training examples serves every kind and every regularisation: in its coordinates the total
scatter is diagonal, so that a ridge is a division, a discriminant analysis a system of as many equations as there are
classes, and the curvature bound of the logistic loss a diagonal too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LDA: Final = "shrinkage LDA"
RIDGE: Final = "ridge"
LOGISTIC: Final = "logistic regression"
KINDS: Final = (LDA, RIDGE, LOGISTIC)
REGULARISATIONS: Final = {LDA: (0.1, 0.3, 0.6, 0.9), RIDGE: (0.1, 1.0, 10.0), LOGISTIC: (0.3, 1.0, 3.0)}
RIDGE_SCALE: Final = 10.0  # scores of a ridge lie between 0 and 1; the temperature is searched around 1
LOGISTIC_UNIT: Final = 1e-3  # of the total scatter
STEPS: Final = 200
TOLERANCE: Final = 1e-5
SMALLEST_SHARE: Final = 1e-9
SMALLEST_SPREAD: Final = 1e-12  # total variance, of coordinates that have one of about one


@dataclass(frozen=True, slots=True)
class Training:
    """Training examples in their own eigenbasis.

    centre: (r,) their mean. axes: (r, q) orthonormal. points: (m, q) = (examples - centre) @ axes, with
    points.T @ points diagonal. scatter: (q,) that diagonal. counts: (classes,). means: (classes, q) of the classes.
    """

    centre: Floats
    axes: Floats
    points: Floats
    scatter: Floats
    labels: NDArray[np.int64]
    counts: Floats
    means: Floats

    @classmethod
    def of(cls, examples: Floats, labels: NDArray[np.int64], classes: int) -> Training:
        """Decompose (m, r) examples; every class has to have one of them."""
        centre = examples.mean(axis=0)
        centred = examples - centre
        members = np.eye(classes)[labels]
        counts = members.sum(axis=0)
        if np.square(centred).mean(axis=0).sum() < SMALLEST_SPREAD:  # all alike: only the classes' sizes say anything
            flat = np.zeros((len(examples), 1))
            axis = np.eye(examples.shape[1], 1)
            return cls(centre, axis, flat, np.ones(1), labels, counts, np.zeros((classes, 1)))
        if centred.shape[1] <= centred.shape[0]:
            values, axes = np.linalg.eigh(centred.T @ centred)
        else:
            values, vectors = np.linalg.eigh(centred @ centred.T)
            kept = values > SMALLEST_SHARE * values.max()
            values = values[kept]
            axes = centred.T @ (vectors[:, kept] / np.sqrt(values))
        kept = values > SMALLEST_SHARE * values.max()
        values, axes = values[kept], axes[:, kept]
        points = centred @ axes
        return cls(centre, axes, points, values, labels, counts, (members.T @ points) / counts[:, None])

    def fit(self, kind: str, regularisation: float, start: Floats | None = None) -> Floats:
        """(q + 1, classes) weights of a head in the eigenbasis, the last row its bias."""
        if kind == LDA:
            return self._discriminant(regularisation)
        if kind == RIDGE:
            return self._ridge(regularisation)
        return self._logistic(regularisation, start)

    def scores(self, weights: Floats, examples: Floats) -> Floats:
        """(m, classes) scores of (m, r) examples."""
        return np.asarray((examples - self.centre) @ (self.axes @ weights[:-1]) + weights[-1])

    def outside(self, weights: Floats) -> tuple[Floats, Floats]:
        """A head of the eigenbasis as one of the coordinates: (r, classes), (classes,)."""
        turned = self.axes @ weights[:-1]
        return turned, weights[-1] - self.centre @ turned

    def _discriminant(self, shrinkage: float) -> Floats:
        """Linear discriminants with the pooled within-class covariance shrunk towards a multiple of the identity."""
        free = max(len(self.labels) - len(self.counts), 1)
        total_within = float(self.scatter.sum() - (self.counts[:, None] * self.means**2).sum())
        typical = max(total_within, SMALLEST_SHARE * float(self.scatter.sum())) / free / len(self.scatter)
        # Within-class scatter = total - between; total is diagonal, between has the rank of the classes (Woodbury).
        share = (1.0 - shrinkage) / free
        diagonal = share * self.scatter + shrinkage * typical
        scaled = self.means / diagonal
        inner = np.diag(1.0 / self.counts) / share - self.means @ scaled.T
        weights = scaled.T + scaled.T @ np.linalg.lstsq(inner, self.means @ scaled.T, rcond=None)[0]
        bias = np.log(self.counts / self.counts.sum()) - 0.5 * (self.means * weights.T).sum(axis=1)
        return np.vstack([weights, bias])

    def _ridge(self, strength: float) -> Floats:
        """Least squares to the class indicators; strength in units of the mean scatter of an axis."""
        shares = self.counts / self.counts.sum()
        gain = 1.0 / (self.scatter + strength * self.scatter.mean())
        weights = gain[:, None] * (self.means * self.counts[:, None]).T  # the shares drop out: points are centred
        return RIDGE_SCALE * np.vstack([weights, shares])

    def _logistic(self, strength: float, start: Floats | None) -> Floats:
        """Multinomial logistic loss with an L2 penalty, by accelerated steps under Boehning's curvature bound."""
        examples, width = self.points.shape
        penalty = strength * LOGISTIC_UNIT * self.scatter.sum()
        target = np.eye(len(self.counts))[self.labels]
        bound = 1.0 / (np.append(0.5 * self.scatter, 0.5 * examples) + np.append(np.full(width, penalty), 0.0))
        points = np.hstack([self.points, np.ones((examples, 1))])
        weights = np.zeros((width + 1, len(self.counts))) if start is None else start.copy()
        ahead, momentum = weights, 1.0
        for _ in range(STEPS):
            scores = points @ ahead
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            gradient = points.T @ (scores - target)
            gradient[:-1] += penalty * ahead[:-1]
            step = bound[:, None] * gradient
            following = ahead - step
            moved = following - weights
            if (step * moved).sum() > 0:  # the momentum points uphill: start it anew (O'Donoghue & Candes 2015)
                momentum = 1.0
            grown = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
            ahead = following + (momentum - 1.0) / grown * moved
            weights, momentum = following, grown
            if np.abs(gradient).max() < TOLERANCE * examples:
                break
        return weights
