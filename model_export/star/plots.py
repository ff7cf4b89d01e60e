"""The plots of evaluation. Small PNG files whose bytes depend on their data alone."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skysort.star.columns import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.common.calibration import Reliability

# Okabe & Ito's colours: told apart with any kind of colour vision.
COLOURS: Final = dict(zip(LABELS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
DPI: Final = 80
TITLES: Final = {"with_redshift": "with redshift", "photometry_only": "photometry only"}


def panels(columns: int, width: float = 4.2, height: float = 4.0) -> tuple[Figure, list[Any]]:
    """A figure with a row of axes, without pyplot and its global state."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def save(figure: Figure, path: Path | IO[bytes]) -> None:
    """Write a PNG without the software's version in it, so that equal figures are equal files."""
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def reliability(curves: Mapping[str, Mapping[str, Reliability]], path: Path) -> None:
    """Accuracy against confidence, before and after temperature scaling, one panel a variant."""
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
    """Counts in each cell, shaded by the share of the true class, one panel a variant."""
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
