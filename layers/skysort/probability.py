"""Calibrated probabilities and prediction sets from class scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def softmax(margins: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Calibrated probabilities: softmax(margin / T).

    Parameters
    ----------
    margins
        Of shape (n, classes).
    temperature
        T, fitted on the validation split.

    Returns
    -------
    ndarray of float32
        Of shape (n, classes); rows sum to 1.

    Notes
    -----
    Guo et al. 2017, "On calibration of modern neural networks".
    """
    scaled = margins / np.float32(temperature)
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def prediction_sets(probabilities: NDArray[np.float32], thresholds: NDArray[np.float32] | float) -> NDArray[np.bool_]:
    """Split-conformal sets: a label is included if its probability reaches its threshold.

    Parameters
    ----------
    probabilities
        Of shape (n, classes).
    thresholds
        Of shape (classes,), or one for all; fitted so that each class is covered at the card's rate.

    Returns
    -------
    ndarray of bool
        Of shape (n, classes). A set is empty where no label reaches its threshold: no answer is confident enough.

    Notes
    -----
    Sadinle, Lei & Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels".
    """
    return probabilities >= thresholds


def restricted(
    probabilities: NDArray[np.float32], members: NDArray[np.bool_], columns: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Restrict to some labels: probabilities renormalised, and the sets' labels among them, maybe none."""
    selected = probabilities[:, columns].astype(np.float64)
    selected = selected / np.maximum(selected.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return selected.astype(np.float32), members[:, columns]
