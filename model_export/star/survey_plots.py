"""Pictures of the survey for the report: what is in the table, before any model looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.star.plots import COLOURS, panels
from skysort.star.columns import LABELS
from skysort.star.spellings import BANDS, MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from model_export.star.data import Dataset

POINTS: Final = 6_000  # in a scatter plot: more only hide one another
BINS: Final = 80
# Pairs of colours as (across, up), each a pair of band indices.
DIAGRAMS: Final = (((0, 1), (1, 2)), ((1, 2), (2, 3)), ((2, 3), (3, 4)))
SHOWN_PERCENTILES: Final = (0.5, 99.5)


def class_balance(dataset: Dataset) -> Figure:
    """Objects in each class."""
    figure, (axis,) = panels(1)
    counts = dataset.counts()
    bars = axis.bar(list(counts), list(counts.values()), color=[COLOURS[label] for label in counts])
    axis.bar_label(bars, [f"{count:,}\n{count / len(dataset):.1%}" for count in counts.values()])
    axis.set(ylabel="objects")
    axis.margins(y=0.15)
    return figure


def magnitudes(dataset: Dataset) -> Figure:
    """The distribution of each band, by class."""
    figure, axes = panels(len(BANDS), width=3.0, height=3.0)
    for place, (axis, band) in enumerate(zip(axes, BANDS, strict=True)):
        values = dataset.photometry.magnitudes[:, place]
        low, high = np.percentile(values, SHOWN_PERCENTILES).tolist()
        bins = np.linspace(low, high, BINS)
        for label, members in _classes(dataset):
            axis.hist(values[members], bins, histtype="step", color=COLOURS[label], label=label)
        axis.set(xlabel=f"{band} (mag)")
    axes[0].set(ylabel="objects")
    axes[0].legend(frameon=False, loc="upper left")
    return figure


def redshifts(dataset: Dataset) -> Figure:
    """The distribution of redshift by class: all of it, and the stars' corner."""
    figure, axes = panels(2)
    for axis, bins in zip(axes, (np.linspace(-0.1, 7.1, BINS), np.linspace(-0.005, 0.02, BINS)), strict=True):
        for label, members in _classes(dataset):
            axis.hist(dataset.photometry.redshift[members], bins, histtype="step", color=COLOURS[label], label=label)
        axis.set(xlabel="redshift", yscale="log")
    axes[0].set(ylabel="objects")
    axes[0].legend(frameon=False)
    return figure


def colour_colour(dataset: Dataset, seed: int) -> Figure:
    """The three diagrams of neighbouring colours, a drawn sample of each class."""
    figure, axes = panels(len(DIAGRAMS))
    rows = np.random.default_rng(seed).permutation(len(dataset))[:POINTS]
    sample = dataset.take(rows)
    for axis, pair in zip(axes, DIAGRAMS, strict=True):
        across, up = (_colour(dataset, bands) for bands in pair)
        for label, members in _classes(sample):
            axis.plot(across[rows][members], up[rows][members], ".", color=COLOURS[label], markersize=1.5, alpha=0.5)
            axis.plot([], [], "o", color=COLOURS[label], label=label)
        names = [f"{BANDS[a]} - {BANDS[b]} (mag)" for a, b in pair]
        axis.set(xlabel=names[0], ylabel=names[1])
        axis.set_xlim(*np.percentile(across, SHOWN_PERCENTILES))
        axis.set_ylim(*np.percentile(up, SHOWN_PERCENTILES))
    axes[0].legend(frameon=False)
    return figure


def correlations(dataset: Dataset) -> Figure:
    """Rank correlation (Spearman) of the measured columns, one panel a class."""
    figure, axes = panels(len(LABELS))
    values = np.column_stack([dataset.photometry.magnitudes, dataset.photometry.redshift])
    for axis, (label, members) in zip(axes, _classes(dataset), strict=True):
        table = np.corrcoef(_ranks(values[members]), rowvar=False)
        axis.imshow(table, cmap="RdBu_r", vmin=-1, vmax=1)
        for (row, column), value in np.ndenumerate(table):
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7)
        axis.set(title=label)
        axis.set_xticks(range(len(MEASURED)), MEASURED, rotation=45)
        axis.set_yticks(range(len(MEASURED)), MEASURED)
    return figure


def comparison(results: dict[str, Any]) -> Figure:
    """Macro F1 of the model families with 95 % intervals, one panel a variant."""
    figure, axes = panels(len(results), width=5.5, height=2.6)
    for axis, (variant, families) in zip(axes, results.items(), strict=True):
        names = list(families)[::-1]
        scores = [families[name]["macro_f1"] for name in names]
        values = np.array([score["value"] for score in scores])
        reach = np.array([[score["value"] - score["low"], score["high"] - score["value"]] for score in scores]).T
        axis.errorbar(values, range(len(names)), xerr=reach, fmt="o", color=COLOURS["GALAXY"], capsize=3)
        axis.set_yticks(range(len(names)), names)
        axis.set(title=variant.replace("_", " "), xlabel="macro F1")
    return figure


def _classes(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for place, label in enumerate(LABELS):
        yield label, dataset.labels == place


def _colour(dataset: Dataset, bands: tuple[int, int]) -> NDArray[np.float64]:
    first, second = bands
    return dataset.photometry.magnitudes[:, first] - dataset.photometry.magnitudes[:, second]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.intp]:
    return values.argsort(axis=0).argsort(axis=0)
