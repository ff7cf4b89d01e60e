"""Class shares of the data at hand: probabilities re-weighted by them, and shares estimated from unlabelled rows.

A classifier's probabilities hold for the shares of its training data. Where the classes look as they did there, but are
more or less common, Bayes' rule gives the probabilities at other shares; and expectation-maximisation gives the shares
under which the rows are likeliest (Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21).

Prediction sets need no re-weighting: their thresholds are class-conditional, so that each class is covered at the
card's rate whatever its share is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import ClassShares

# The estimate stops when a step of EM changes no share by more.
_PRECISION: Final = 1e-6
_ITERATIONS: Final = 200
_Z_95: Final = 1.959964
_LEAST: Final = 1e-12
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Shares:
    """Estimated class shares, (classes,), with 95 % intervals."""

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def shares_of(counts: Mapping[str, int], labels: Sequence[str]) -> NDArray[np.float64]:
    """(classes,) the shares of counted examples; a class of none counts as one, so that its share can be replaced."""
    examples = np.array([max(counts[label], 1) for label in labels], np.float64)
    shares: NDArray[np.float64] = examples / examples.sum()
    return shares


def reweighted(
    probabilities: NDArray[np.float32], trained: NDArray[np.float64], shares: NDArray[np.float64] | Sequence[float]
) -> NDArray[np.float32]:
    """Probabilities (n, classes) of a model trained at some class shares, at other shares; rows sum to 1."""
    shares = np.asarray(shares, np.float64)
    weighted = probabilities * (shares / trained)
    totals = weighted.sum(axis=1, keepdims=True)
    # All of a row's probability may be of classes whose share is 0: then the shares are all that is known.
    unknown = totals[:, 0] <= np.finfo(np.float64).tiny
    if unknown.any():
        weighted[unknown] = shares
        totals[unknown] = shares.sum()
    found: NDArray[np.float32] = (weighted / totals).astype(np.float32)
    return found


def estimated(probabilities: NDArray[np.float32], trained: NDArray[np.float64]) -> Shares:
    """Estimate the class shares of rows from their probabilities (n, classes) at the training data's shares."""
    # The intervals are of the likelihood's curvature at its maximum (the observed Fisher information). They tell of the
    # sample's size alone: if the classes look otherwise than in the training data, the estimate is off.
    ratios = np.maximum(probabilities.astype(np.float64), _LEAST) / trained
    shares = _likeliest(ratios, trained / trained.sum())
    errors = _errors(ratios, shares)
    return Shares(shares, np.maximum(0.0, shares - _Z_95 * errors), np.minimum(1.0, shares + _Z_95 * errors))


def class_shares(
    probabilities: NDArray[np.float32], trained: NDArray[np.float64], labels: Sequence[str]
) -> ClassShares:
    """The estimated shares by label, as summaries have them."""
    found = estimated(probabilities, trained)
    return {
        label: {"value": round(value, _DIGITS), "low": round(low, _DIGITS), "high": round(high, _DIGITS)}
        for label, value, low, high in zip(
            labels, found.values.tolist(), found.low.tolist(), found.high.tolist(), strict=True
        )
    }


def _likeliest(ratios: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(classes,) the shares at which EM stays, by squared extrapolation (SQUAREM, Varadhan & Roland 2008)."""
    for _ in range(_ITERATIONS):
        once = _em_step(ratios, shares)
        twice = _em_step(ratios, once)
        step = once - shares
        bend = twice - once - step
        length = float(np.linalg.norm(bend))
        if np.abs(twice - once).max() < _PRECISION or length == 0.0:
            return twice
        factor = max(1.0, float(np.linalg.norm(step)) / length)
        # From a share of nearly nothing EM takes long to come back.
        leap = np.maximum(twice / 10.0, shares + 2.0 * factor * step + factor**2 * bend)
        leap = _em_step(ratios, leap / leap.sum())
        # A leap too far is worse than two steps of EM, which never are.
        shares = leap if _log_likelihood(ratios, leap) >= _log_likelihood(ratios, twice) else twice
    return shares


def _em_step(ratios: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = shares * ((1.0 / (ratios @ shares)) @ ratios) / len(ratios)
    return found


def _log_likelihood(ratios: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    return float(np.log(ratios @ shares).sum())


def _errors(ratios: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(classes,) standard errors of the shares, which add up to 1: all but the largest are free."""
    last = int(shares.argmax())
    others = np.array([place for place in range(len(shares)) if place != last])
    errors = np.zeros(len(shares))
    if not len(others):
        return errors
    slopes = (ratios[:, others] - ratios[:, [last]]) / (ratios @ shares)[:, None]
    covariance = np.linalg.pinv(slopes.T @ slopes, hermitian=True)
    errors[others] = np.sqrt(np.maximum(0.0, np.diag(covariance)))
    errors[last] = np.sqrt(max(0.0, float(covariance.sum())))
    return errors
