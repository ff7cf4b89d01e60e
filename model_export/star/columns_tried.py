"""Features that were tried for the photometric booster: for the rows to fit and for others."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from model_export.star.data import SEED, folds, held_out
from skysort.star.columns import LABELS
from skysort.star.mixtures import coordinates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.columns import Photometry

    Floats = NDArray[np.float64]
    Pair = tuple[Floats, Floats]

ROTATIONS: Final = 16
COMPONENTS: Final = 24
ITERATIONS: Final = 40
FLOOR: Final = 1e-3
FARTHEST: Final = 8.0
LOCUS_DEGREE: Final = 5
# Of g - r, where the stellar locus is fitted.
LOCUS: Final = (-0.3, 1.6)
_R: Final = 2


def rotated_colours(fitted: Dataset, objects: Photometry) -> Pair:
    """Random directions in whitened colours and r, so that slanted lines are columns of their own."""
    own, others = (coordinates(each.magnitudes) for each in (fitted.photometry, objects))
    centre, whitening = own.mean(axis=0), np.linalg.cholesky(np.linalg.inv(np.cov(own.T)))
    directions = np.random.default_rng(SEED).standard_normal((own.shape[1], ROTATIONS))
    directions /= np.linalg.norm(directions, axis=0)
    return (own - centre) @ whitening @ directions, (others - centre) @ whitening @ directions


def flux_ratios(fitted: Dataset, objects: Photometry) -> Pair:
    """Fluxes in units of that in r."""
    own, others = (
        10 ** (0.4 * (each.magnitudes[:, _R : _R + 1] - np.delete(each.magnitudes, _R, axis=1)))
        for each in (fitted.photometry, objects)
    )
    return own, others


def locus_distances(fitted: Dataset, objects: Photometry) -> Pair:
    """Distances of u - g, r - i and i - z from a polynomial in g - r that is fitted to the stars."""

    def colours(photometry: Photometry) -> Floats:
        return np.asarray(-np.diff(photometry.magnitudes, axis=1))

    own, others = colours(fitted.photometry), colours(objects)
    stars = own[fitted.labels == LABELS.index("STAR")]
    locus = [
        np.polynomial.Polynomial.fit(stars[:, 1].clip(*LOCUS), stars[:, other], LOCUS_DEGREE) for other in (0, 2, 3)
    ]

    def distances(values: Floats) -> Floats:
        along = values[:, 1].clip(*LOCUS)
        return np.column_stack([values[:, other] - line(along) for other, line in zip((0, 2, 3), locus, strict=True)])

    return distances(own), distances(others)


def log_densities(fitted: Dataset, objects: Photometry) -> Pair:
    """Log densities of a Gaussian mixture of each class; of the rows to fit, by mixtures that did not see them."""
    own, others = (coordinates(each.magnitudes) for each in (fitted.photometry, objects))
    centre = np.median(own, axis=0)
    scale = np.subtract(*np.percentile(own, [84, 16], axis=0)) / 2
    own, others = (((each - centre) / scale).clip(-FARTHEST, FARTHEST) for each in (own, others))

    def densities(rows: NDArray[np.intp], asked: Floats) -> Floats:
        members = (rows[fitted.labels[rows] == label] for label in range(len(LABELS)))
        return np.column_stack([_mixture(own[each]).score_samples(asked) for each in members])

    unseen = np.empty((len(own), len(LABELS)))
    for rows, rest in held_out(folds(fitted, count=3)):
        unseen[rest] = densities(rows, own[rest])
    return unseen, densities(np.arange(len(own)), others)


def _mixture(values: Floats) -> GaussianMixture:
    mixture = GaussianMixture(
        min(COMPONENTS, len(values)),
        reg_covar=FLOOR,
        max_iter=ITERATIONS,
        init_params="k-means++",
        random_state=SEED,
    )
    with warnings.catch_warnings():
        # The last steps of EM do not matter here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(values)
