"""Fitting the mixtures of skysort.star.mixtures: on four fifths of the training part, their shares on the fifth."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from model_export.star.data import SEED, folds
from skysort.star.columns import LABELS
from skysort.star.mixtures import Mixtures, coordinates, product_pairs
from skysort.star.table_typicality import TableTypicality, memberships

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

# Of each class. More tell no more of the rows that no object can have, and cost every row.
COMPONENTS: Final = 8
# Added to variances of scaled coordinates, so that no component shrinks onto a few alike objects.
FLOOR: Final = 1e-3
ITERATIONS: Final = 200
# Heights at which shares are tabulated.
COLUMNS: Final = 2_048
# Of training objects beyond the range at each end of each coordinate: mostly failed measurements.
BEYOND: Final = 2e-4
# Good tables, by which the typicality of a table is measured.
TABLE_SIZES: Final = (20, 50, 100, 200, 500, 1_000)
TABLES_A_SIZE: Final = 500
QUANTILES: Final = 501
COMPONENTS_OF_TABLES: Final = 32
# The share of good tables that are of a window, and shares of all objects within a window of some quantity.
SELECTED: Final = 0.5
WINDOWS: Final = (0.2, 1.0)
# Of held-out objects: those whose log density counts as the least, and those as faint as the faint end.
LOWEST: Final = 0.001
FAINT: Final = 0.9
# As many objects of the whole are added to each component's.
FEW: Final = 5.0
_HALF_LOG_TWO_PI: Final = 0.9189385332046727


def parts(training: Dataset) -> tuple[Dataset, Dataset]:
    """The rows that mixtures are fitted on, and those that their shares are measured on."""
    fold = folds(training)
    return training.take(np.flatnonzero(fold != 0)), training.take(np.flatnonzero(fold == 0))


def fit(
    training: Dataset, *, with_redshift: bool, components: int = COMPONENTS, iterations: int = ITERATIONS
) -> Mixtures:
    """Fit a mixture to each class of the training part."""
    fitted_on, held_out = parts(training)
    values = _coordinates(fitted_on, with_redshift=with_redshift)
    centre = np.median(values, axis=0)
    scale = np.subtract(*np.percentile(values, [84, 16], axis=0)) / 2
    scaled = (values - centre) / scale
    every = (_coordinates(training, with_redshift=with_redshift) - centre) / scale
    fitted = [_mixture(scaled[fitted_on.labels == label], components, iterations) for label in range(len(LABELS))]
    weights = [coefficients(each.weights_, each.means_, each.precisions_cholesky_) for each in fitted]
    low, high = np.quantile(every, [BEYOND, 1 - BEYOND], axis=0)
    unmeasured = Mixtures(
        centre=centre,
        scale=scale,
        weights=np.array(weights, np.float32),
        low=low,
        high=high,
        edges=np.array([0.0, 1.0]),
        shares=np.zeros((len(LABELS), 2), np.float32),
    )
    return with_shares(unmeasured, held_out)


def _mixture(values: NDArray[np.float64], components: int, iterations: int) -> GaussianMixture:
    mixture = GaussianMixture(
        components, reg_covar=FLOOR, max_iter=iterations, init_params="k-means++", random_state=SEED
    )
    with warnings.catch_warnings():
        # The last steps of EM change no share of held-out objects that is looked at.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(values)


def with_shares(mixtures: Mixtures, held_out: Dataset) -> Mixtures:
    """Tabulate the share of held-out objects of each class that lie at most as high."""
    redshift = held_out.photometry.redshift if mixtures.has_redshift else None
    heights = mixtures.heights(held_out.photometry.magnitudes, redshift)
    # Rows beyond the range have no typicality; so that few good rows are flagged they count as the lowest.
    heights[:, ~mixtures.within(held_out.photometry.magnitudes, redshift)] = -np.inf
    own = [np.sort(heights[label, held_out.labels == label]) for label in range(len(LABELS))]
    lowest = min(each[np.isfinite(each)][0] for each in own)
    edges = np.array([lowest - 1.0, max(each[-1] for each in own)], np.float64)
    # A row takes the share of the column at or below its height: rounded down, it can only be flagged more.
    at = np.linspace(float(edges[0]), float(edges[1]), COLUMNS)
    shares = [(1 + np.searchsorted(each, at, side="right")) / (1 + len(each)) for each in own]
    return Mixtures(
        centre=mixtures.centre,
        scale=mixtures.scale,
        weights=mixtures.weights,
        low=mixtures.low,
        high=mixtures.high,
        edges=edges,
        shares=np.array(shares, np.float32),
    )


def coefficients(
    weights: NDArray[np.float64], means: NDArray[np.float64], cholesky: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(components, products) the logarithm of each weighted Gaussian as coefficients of product_pairs."""
    # scikit-learn has (components, d, d) with precision = cholesky @ cholesky.T.
    dimensions = means.shape[1]
    first, second = np.triu_indices(dimensions)
    result = np.empty((len(means), len(product_pairs(dimensions)[0])))
    for row, (weight, mean, factor) in enumerate(zip(weights, means, cholesky, strict=True)):
        precision = factor @ factor.T
        result[row, : len(first)] = precision[first, second] * np.where(first == second, -0.5, -1.0)
        result[row, len(first) : -1] = precision @ mean
        constant = np.log(weight) + np.log(np.diag(factor)).sum() - dimensions * _HALF_LOG_TWO_PI
        result[row, -1] = constant - 0.5 * mean @ precision @ mean
    return result


def _coordinates(dataset: Dataset, *, with_redshift: bool) -> NDArray[np.float64]:
    photometry = dataset.photometry
    return coordinates(photometry.magnitudes, photometry.redshift if with_redshift else None)


def tables(
    training: Dataset,
    *,
    components: int = COMPONENTS_OF_TABLES,
    iterations: int = ITERATIONS,
    sizes: Sequence[int] = TABLE_SIZES,
    count: int = TABLES_A_SIZE,
) -> TableTypicality:
    """What tables are judged by: finer mixtures, what is expected of rows in them, effects and gains of good tables."""
    # What is expected is measured on half of the held-out objects, and good tables are drawn from the others.
    mixtures = fit(training, with_redshift=False, components=components, iterations=iterations)
    _, held_out = parts(training)
    draw = np.random.default_rng(SEED)
    measured = draw.permutation(len(held_out)) < len(held_out) // 2
    components_of = mixtures.components(held_out.photometry.magnitudes[measured])
    members, scores = (each.astype(np.float64) for each in memberships(components_of))
    limits = np.array([np.quantile(scores, LOWEST), np.quantile(held_out.photometry.magnitudes[:, 2], FAINT)])
    expected = _expected(members, np.maximum(scores, limits[0]))
    none = np.zeros((0, 0))
    judge = TableTypicality(
        mixtures, expected=expected, limits=limits, sizes=np.zeros(0, np.int64), effects=none, gains=none
    )
    rest = held_out.take(~measured)
    effects, gains = [], []
    for size in sizes:
        good = [rest.photometry.magnitudes[good_table(rest, size, draw)] for _ in range(count)]
        effects.append(np.quantile([judge.effect(each) for each in good], np.linspace(0, 1, QUANTILES)))
        gains.append(np.quantile([judge.best_cure(each)[1] for each in good], np.linspace(0, 1, QUANTILES)))
    return TableTypicality(
        mixtures,
        expected=expected,
        limits=limits,
        sizes=np.array(sizes),
        effects=np.array(effects),
        gains=np.array(gains),
    )


def good_table(objects: Dataset, size: int, draw: np.random.Generator) -> NDArray[np.intp]:
    """Rows of a table as people select them: any mix of classes, half of them in a window of some quantity."""
    values = _coordinates(objects, with_redshift=True)
    allowed = np.ones(len(objects), np.bool_)
    if draw.random() < SELECTED:
        quantity = values[:, draw.integers(values.shape[1])]
        width = draw.uniform(*WINDOWS)
        start = draw.uniform(0, 1 - width)
        allowed = (quantity >= np.quantile(quantity, start)) & (quantity <= np.quantile(quantity, start + width))
    shares = draw.dirichlet(np.full(len(LABELS), 0.5))
    chances = np.zeros(len(objects))
    for label, share in enumerate(shares):
        members = allowed & (objects.labels == label)
        chances[members] = share / max(1, members.sum())
    return draw.choice(len(objects), size, p=chances / chances.sum())


def _expected(members: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, components) mean and variance of the scores in each, drawn to those of all where there are few rows."""
    counts = members.sum(axis=1) + FEW
    means = (members @ scores + FEW * scores.mean()) / counts
    squares = (members @ scores**2 + FEW * (scores**2).mean()) / counts
    return np.array([means, squares - means**2])
