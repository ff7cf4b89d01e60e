"""Class shares of the data at hand: probabilities re-weighted by them, and shares estimated from unlabelled rows.

A classifier's probabilities hold for the shares of its training data. Where the classes look as they did there, but are
more or less common, Bayes' rule gives the probabilities at other shares; and expectation-maximisation gives the shares
under which the rows are likeliest (Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21).

Prediction sets need no re-weighting: their thresholds are class-conditional, so that each class is covered at the
card's rate whatever its share is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import FieldError, InvalidFieldsError, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OPTION: Final = "prior"
# The estimate stops when a step of EM changes no share by more.
_PRECISION: Final = 1e-7
_ITERATIONS: Final = 200
_Z_95: Final = 1.959964
_LEAST: Final = 1e-12
_MAX_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class Shares:
    """Estimated class shares, (classes,), with 95 % intervals."""

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def reweighted(
    probabilities: NDArray[np.float32], trained: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Probabilities (n, classes) of a model trained at some class shares, at other shares; rows sum to 1."""
    weighted = probabilities * (shares / trained)
    totals = weighted.sum(axis=1, keepdims=True)
    # All of a row's probability may be of classes whose share is 0: then the shares are all that is known.
    unknown = totals[:, 0] <= _LEAST
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


def parse_prior(value: object, labels: Sequence[str]) -> tuple[float, ...] | None:
    """The class shares of an option, in the labels' order and adding up to 1.

    Parameters
    ----------
    value
        ``{"GALAXY": 0.9, "QSO": 0.001, "STAR": 0.099}``, or the same as text, ``GALAXY=0.9,QSO=0.001,STAR=0.099``.
        Shares need not add up to 1. None and blank text count as not given.
    labels
        The model's labels.

    Returns
    -------
    The shares, or None if not given.

    Raises
    ------
    InvalidFieldsError
        For labels that are unknown, missing or given twice, and for shares that are not numbers from 0 on.
    """
    pairs = _pairs(value)
    if pairs is None:
        return None
    by_label = {label.casefold(): label for label in labels}
    found: dict[str, float] = {}
    errors: list[FieldError] = []
    for name, given in pairs[: len(labels) + _MAX_LISTED]:
        label, share = by_label.get(name.strip().casefold()), _number(given)
        if label is None:
            listed = ", ".join(labels[:_MAX_LISTED])
            errors.append(_error("unknown_label", f"unknown label {name!r:.60}; choose from {listed}"))
        elif label in found:
            errors.append(_error("given_twice", f"the share of {label} is given twice"))
        elif share is None:
            errors.append(_error("not_a_share", f"the share of {label} must be a number from 0 on ({_got(given)})"))
        else:
            found[label] = share
    missing = [label for label in labels if label not in found]
    if missing and not errors:
        listed = ", ".join(missing[:_MAX_LISTED])
        errors.append(_error("missing_label", f"needs a share of every label; missing: {listed}"))
    total = sum(found.values())
    if not errors and (total <= 0 or not math.isfinite(total)):
        errors.append(_error("not_a_share", "at least one share must be above 0, and all of them finite"))
    if errors:
        raise InvalidFieldsError(errors)
    return tuple(found[label] / total for label in labels)


def _pairs(value: object) -> list[tuple[str, object]] | None:
    if isinstance(value, Mapping):
        return [(str(name), share) for name, share in value.items()]
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    parts = [part.partition("=") for part in value.split(",") if part.strip()] if isinstance(value, str) else []
    if not parts or not all(equals for _, equals, _ in parts):
        detail = f"must be a share of each label, as in GALAXY=0.9,QSO=0.001,STAR=0.099 ({_got(value)})"
        raise InvalidFieldsError([_error("not_shares", detail)])
    return [(name, share) for name, _, share in parts]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _got(value: object) -> str:
    return f"got {format_value(value)}"


def _error(reason: str, detail: str) -> FieldError:
    return FieldError(OPTION, reason, detail)


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
