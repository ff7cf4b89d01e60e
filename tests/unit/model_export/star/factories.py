"""A small survey with three kinds of objects that differ as the real ones do, and its CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from model_export.star.data import Dataset
from skysort.star.columns import LABELS, Photometry
from skysort.star.spellings import BANDS

if TYPE_CHECKING:
    from pathlib import Path

# Typical magnitudes above r in u, g, i and z, and a typical redshift: red galaxies, flat quasars, stars at rest.
TYPICAL = {
    "GALAXY": (3.0, 1.2, -0.5, -0.8, 0.4),
    "QSO": (0.4, 0.2, -0.1, -0.2, 1.7),
    "STAR": (1.8, 0.6, -0.2, -0.3, 0.0),
}
SHARES = {"GALAXY": 0.6, "QSO": 0.19, "STAR": 0.21}


def survey(rows: int = 600, seed: int = 0) -> Dataset:
    """Objects whose classes overlap, so that a model is neither perfect nor lost."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(len(LABELS), size=rows, p=[SHARES[label] for label in LABELS])
    typical = np.array([TYPICAL[label] for label in LABELS])[labels]
    r = draw.normal(19.0, 1.5, rows).clip(12, 26)
    u, g, i, z = (r + typical[:, place] + draw.normal(0, 0.5, rows) for place in range(4))
    # A star's redshift is its motion, and hardly ever nothing at all.
    at_rest = draw.choice([-1e-4, 1e-5, 2e-4], rows)
    redshift = np.where(labels == LABELS.index("STAR"), at_rest, typical[:, 4] * draw.uniform(0.1, 2, rows))
    return Dataset(Photometry(np.column_stack([u, g, r, i, z]).round(5), redshift.round(6)), labels.astype(np.int64))


def table(dataset: Dataset) -> pd.DataFrame:
    """The columns of the compact copy that are always filled."""
    columns = dict(zip(BANDS, dataset.photometry.magnitudes.T, strict=True))
    classes = np.array(LABELS)[dataset.labels]
    return pd.DataFrame({**columns, "redshift": dataset.photometry.redshift, "class": classes})


def kaggle_table(dataset: Dataset) -> pd.DataFrame:
    """The columns of the original download, in its order and its spelling."""
    rows = table(dataset)
    others = {
        "obj_ID": 1.23766e18,
        "alpha": 135.7,
        "delta": 32.5,
        **{band: rows[band] for band in BANDS},
        "run_ID": 3606,
        "rerun_ID": 301,
        "cam_col": 2,
        "field_ID": 79,
        "spec_obj_ID": 6.5438e18,
        "class": rows["class"],
        "redshift": rows["redshift"],
        "plate": 5812,
        "MJD": 56354,
        "fiber_ID": 171,
    }
    return pd.DataFrame(others)


def write(rows: pd.DataFrame, path: Path) -> Path:
    """The table as CSV, compressed where the name says so."""
    rows.to_csv(path, index=False)
    return path
