"""``colours``: where galaxies, quasars and stars lie in the u-g, g-r plane, as contours for the page's diagram.

The density of each class is a histogram of the training part, smoothed with a Gaussian. A contour is the
highest-density region (Hyndman 1996): the smallest area with the given share of the class.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from contourpy import contour_generator
from scipy.ndimage import gaussian_filter

from model_export.common.cli import OK, log
from model_export.common.files import ROOT
from model_export.star.data import SOURCE, Workspace, split
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

FILE: Final = ROOT / "functions" / "site" / "data" / "colours.json"
AXES: Final = ("u-g", "g-r")
# The range of the diagram; the page draws objects outside it at the edge.
RANGES: Final = ((-1.0, 6.0), (-0.8, 2.4))
CELLS: Final = (175, 80)  # 0.04 mag a side
SMOOTHING: Final = 2.0  # cells: 0.08 mag, a few times the photometric error
SHARES: Final = (0.5, 0.9)
SHORTEST: Final = 8  # points of a ring; shorter rings are single outlying objects
DIGITS: Final = 2
SIMPLER: Final = 0.012  # mag: tolerance of the simplification


def run(options: argparse.Namespace) -> int:
    """Write the page's colours.json (or --into)."""
    workspace = Workspace.of(options)
    dataset = workspace.dataset()
    train = dataset.take(split(dataset).train)
    path = options.into or FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(train), separators=(",", ":")) + "\n", encoding="utf-8")
    log(f"written to {path}")
    return OK


def document(train: Dataset) -> dict[str, Any]:
    """Axes, ranges, source and each class's rings by share: lists of [u-g, g-r] in magnitudes, closed."""
    u, g, r = train.photometry.magnitudes[:, :3].T
    across, up = u - g, g - r
    return {
        "source": f"{SOURCE}; training part, {len(train):,} objects",
        "file": {"name": train.file_name, "sha256": train.sha256},
        "command": "python -m model_export star colours",
        "axes": list(AXES),
        "ranges": [list(span) for span in RANGES],
        "classes": {
            label: rings(across[train.labels == index], up[train.labels == index]) for index, label in enumerate(LABELS)
        },
    }


def rings(across: NDArray[np.float64], up: NDArray[np.float64]) -> list[dict[str, Any]]:
    """The contours of a class, outermost first: [{"share": 0.9, "rings": [...]}, ...]."""
    counts, x_edges, y_edges = np.histogram2d(across, up, bins=CELLS, range=RANGES)
    density = gaussian_filter(counts, SMOOTHING)
    middles = [(edges[:-1] + edges[1:]) / 2 for edges in (x_edges, y_edges)]
    generator = contour_generator(middles[0], middles[1], density.T)
    contours = []
    for share in sorted(SHARES, reverse=True):
        lines = cast("list[NDArray[np.float64]]", generator.lines(level(density, share)))
        contours.append({"share": share, "rings": [_listed(line) for line in lines if len(line) >= SHORTEST]})
    return contours


def level(density: NDArray[np.float64], share: float) -> float:
    """The density above which the given share of the objects lies."""
    descending = np.sort(density.ravel())[::-1]
    cumulative = np.cumsum(descending) / descending.sum()
    return float(descending[int(np.searchsorted(cumulative, share))])


def _listed(line: NDArray[np.float64]) -> list[list[float]]:
    return [[round(float(x), DIGITS), round(float(y), DIGITS)] for x, y in _simplified(line)]


def _simplified(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Simplify a line (Ramer 1972; Douglas & Peucker 1973)."""
    if len(line) <= 2:  # noqa: PLR2004 - two points are a line
        return line
    start, end = line[0], line[-1]
    along = end - start
    length = float(np.hypot(*along))
    away = line - start
    distance = (
        np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / length
        if length > 0
        else np.hypot(away[:, 0], away[:, 1])
    )
    furthest = int(distance.argmax())
    if distance[furthest] <= SIMPLER:
        return np.stack([start, end])
    return np.concatenate([_simplified(line[: furthest + 1])[:-1], _simplified(line[furthest:])])
