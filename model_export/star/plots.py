"""The plots of evaluation and report: small PNG files whose bytes depend only on the data."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skysort.star.columns import LABELS
from skysort.star.spellings import BANDS, MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.learning.calibration import Reliability


# Okabe & Ito's colour-blind safe palette.
COLOURS: Final = dict(zip(LABELS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
DPI: Final = 80
TITLES: Final = {"with_redshift": "with redshift", "photometry_only": "photometry only"}
POINTS: Final = 6_000  # of a scatter plot: more would only overlap
BINS: Final = 80
# Pairs of colours as (x, y), each a pair of band indices.
DIAGRAMS: Final = (((0, 1), (1, 2)), ((1, 2), (2, 3)), ((2, 3), (3, 4)))
SHOWN_PERCENTILES: Final = (0.5, 99.5)


def panels(columns: int, width: float = 4.2, height: float = 4.0) -> tuple[Figure, list[Any]]:
    """A figure with a row of axes, without pyplot and its global state."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def save(figure: Figure, path: Path | IO[bytes]) -> None:
    """Write a PNG without the software's version, so that equal figures give equal files."""
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def reliability(curves: Mapping[str, Mapping[str, Reliability]], path: Path) -> None:
    """Accuracy against confidence, before and after temperature scaling, one panel per variant."""
    figure, axes = panels(len(curves))
    for axis, (name, pair) in zip(axes, curves.items(), strict=True):
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for (when, curve), colour in zip(pair.items(), (COLOURS["QSO"], COLOURS["GALAXY"]), strict=True):
            filled = curve.count > 0
            label = f"{when}: ECE {curve.expected_calibration_error:.4f}"
            axis.plot(curve.confidence[filled], curve.accuracy[filled], "o-", color=colour, markersize=4, label=label)
        axis.set(title=TITLES.get(name, name), xlabel="confidence", ylabel="accuracy", xlim=(0.3, 1), ylim=(0.3, 1))
        axis.legend(loc="upper left", frameon=False)
    save(figure, path)


def confusion(tables: Mapping[str, NDArray[np.int64]], path: Path) -> None:
    """Counts in each cell, shaded by the share of the true class, one panel per variant."""
    figure, axes = panels(len(tables))
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        share = table / table.sum(axis=1, keepdims=True)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(table):
            colour = "white" if share[row, column] > 0.5 else "black"  # noqa: PLR2004 - the middle of the scale
            text = f"{count:,}\n{share[row, column]:.1%}"
            axis.text(column, row, text, ha="center", va="center", color=colour)
        axis.set(title=TITLES.get(name, name), xlabel="predicted", ylabel="true")
        axis.set_xticks(range(len(LABELS)), LABELS)
        axis.set_yticks(range(len(LABELS)), LABELS)
    save(figure, path)


def class_balance(dataset: Dataset) -> Figure:
    """Number of objects in each class."""
    figure, (axis,) = panels(1)
    counts = dataset.counts()
    bars = axis.bar(list(counts), list(counts.values()), color=[COLOURS[label] for label in counts])
    axis.bar_label(bars, [f"{count:,}\n{count / len(dataset):.1%}" for count in counts.values()])
    axis.set(ylabel="objects")
    axis.margins(y=0.15)
    return figure


def magnitudes(dataset: Dataset) -> Figure:
    """Distribution of the magnitudes in each band, by class."""
    figure, axes = panels(len(BANDS), width=3.0, height=3.0)
    for index, (axis, band) in enumerate(zip(axes, BANDS, strict=True)):
        values = dataset.photometry.magnitudes[:, index]
        low, high = np.percentile(values, SHOWN_PERCENTILES).tolist()
        bins = np.linspace(low, high, BINS)
        for label, members in _classes(dataset):
            axis.hist(values[members], bins, histtype="step", color=COLOURS[label], label=label)
        axis.set(xlabel=f"{band} (mag)")
    axes[0].set(ylabel="objects")
    axes[0].legend(frameon=False, loc="upper left")
    return figure


def redshifts(dataset: Dataset) -> Figure:
    """Distribution of redshift by class: the full range, and that of the stars."""
    figure, axes = panels(2)
    for axis, bins in zip(axes, (np.linspace(-0.1, 7.1, BINS), np.linspace(-0.005, 0.02, BINS)), strict=True):
        for label, members in _classes(dataset):
            axis.hist(dataset.photometry.redshift[members], bins, histtype="step", color=COLOURS[label], label=label)
        axis.set(xlabel="redshift", yscale="log")
    axes[0].set(ylabel="objects")
    axes[0].legend(frameon=False)
    return figure


def colour_colour(dataset: Dataset, seed: int) -> Figure:
    """The three diagrams of neighbouring colours, with a random sample of each class."""
    figure, axes = panels(len(DIAGRAMS))
    rows = np.random.default_rng(seed).permutation(len(dataset))[:POINTS]
    sample = dataset.take(rows)
    for axis, pair in zip(axes, DIAGRAMS, strict=True):
        x, y = (_colour(dataset, bands) for bands in pair)
        for label, members in _classes(sample):
            axis.plot(x[rows][members], y[rows][members], ".", color=COLOURS[label], markersize=1.5, alpha=0.5)
            axis.plot([], [], "o", color=COLOURS[label], label=label)
        names = [f"{BANDS[a]} - {BANDS[b]} (mag)" for a, b in pair]
        axis.set(xlabel=names[0], ylabel=names[1])
        axis.set_xlim(*np.percentile(x, SHOWN_PERCENTILES))
        axis.set_ylim(*np.percentile(y, SHOWN_PERCENTILES))
    axes[0].legend(frameon=False)
    return figure


def correlations(dataset: Dataset) -> Figure:
    """Rank correlation (Spearman) of the measured columns, one panel per class."""
    figure, axes = panels(len(LABELS))
    values = np.column_stack([dataset.photometry.magnitudes, dataset.photometry.redshift])
    for axis, (label, members) in zip(axes, _classes(dataset), strict=True):
        table = pd.DataFrame(values[members]).corr(method="spearman").to_numpy()
        axis.imshow(table, cmap="RdBu_r", vmin=-1, vmax=1)
        for (row, column), value in np.ndenumerate(table):
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7)
        axis.set(title=label)
        axis.set_xticks(range(len(MEASURED)), MEASURED, rotation=45)
        axis.set_yticks(range(len(MEASURED)), MEASURED)
    return figure


def families(results: dict[str, Any]) -> Figure:
    """Macro F1 of the model families with 95 % intervals, one panel per variant."""
    figure, axes = panels(len(results), width=5.5, height=2.6)
    for axis, (variant, compared) in zip(axes, results.items(), strict=True):
        names = list(compared)[::-1]
        scores = [compared[name]["macro_f1"] for name in names]
        values = np.array([score["value"] for score in scores])
        errors = np.array([[score["value"] - score["low"], score["high"] - score["value"]] for score in scores]).T
        axis.errorbar(values, range(len(names)), xerr=errors, fmt="o", color=COLOURS["GALAXY"], capsize=3)
        axis.set_yticks(range(len(names)), names)
        axis.set(title=variant.replace("_", " "), xlabel="macro F1")
    return figure


def _classes(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for index, label in enumerate(LABELS):
        yield label, dataset.labels == index


def _colour(dataset: Dataset, bands: tuple[int, int]) -> NDArray[np.float64]:
    first, second = bands
    return dataset.photometry.magnitudes[:, first] - dataset.photometry.magnitudes[:, second]
