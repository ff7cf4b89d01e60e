"""Mixtures of round clusters of colours, a class each, as a fitted survey has them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from skysort.star.mixtures import THRESHOLD, Mixtures, coordinates, product_pairs
from skysort.star.table_typicality import TableTypicality, memberships

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# u g r i z of the middle of each class.
MIDDLES = np.array([[22.0, 20.2, 19.0, 18.5, 18.2], [19.6, 19.4, 19.2, 19.1, 19.0], [20.8, 19.6, 19.0, 18.8, 18.7]])
REDSHIFTS = np.array([0.4, 1.7, 0.0])
SPREAD = 0.3  # of a coordinate
# The least log density that counts, and the faint end in r.
LIMITS = np.array([-14.0, 20.7])


def objects(rows: int, seed: int = 0, label: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitudes (n, 5) and redshifts of rows of all classes, or of one."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(len(MIDDLES), size=rows) if label is None else np.full(rows, label)
    middles = coordinates(MIDDLES)[labels] + draw.normal(0, SPREAD, (rows, 5))
    colours, r = middles[:, :4], middles[:, 4]
    g, i = r + colours[:, 1], r - colours[:, 2]
    magnitudes = np.column_stack([g + colours[:, 0], g, r, i, i - colours[:, 3]])
    return magnitudes, REDSHIFTS[labels] * draw.uniform(0.8, 1.2, rows)


def mixtures(*, with_redshift: bool = False) -> Mixtures:
    """One component a class, its shares measured on objects of its own."""
    dimensions = 6 if with_redshift else 5
    first, second = product_pairs(dimensions)
    scale = np.full(dimensions, SPREAD)
    middles = coordinates(MIDDLES, REDSHIFTS if with_redshift else None)
    centre = middles.mean(axis=0)
    weights = np.zeros((len(MIDDLES), 1, len(first)), np.float32)
    for place, mean in enumerate((middles - centre) / scale):
        weights[place, 0, first == second] = -0.5
        weights[place, 0, -dimensions - 1 : -1] = mean
        # The last pair is of 1 and 1.
        weights[place, 0, -1] = -0.5 * mean @ mean
    low, high = np.full(dimensions, -30.0), np.full(dimensions, 30.0)
    given = {"centre": centre, "scale": scale, "weights": weights, "low": low, "high": high}
    blank = Mixtures(**given, edges=np.array([0.0, 1.0]), shares=np.zeros((3, 2), np.float32))
    own = [
        np.sort(blank.heights(*_given(2_000, 100 + label, label, with_redshift=with_redshift))[label])
        for label in range(len(MIDDLES))
    ]
    edges = np.array([min(each[0] for each in own) - 1.0, max(each[-1] for each in own)])
    at = np.linspace(float(edges[0]), float(edges[1]), 512)
    shares = np.array([(1 + np.searchsorted(each, at, side="right")) / (1 + len(each)) for each in own], np.float32)
    return Mixtures(**given, edges=edges, shares=shares)


def _given(rows: int, seed: int, label: int, *, with_redshift: bool) -> tuple[NDArray[np.float64], ...]:
    magnitudes, redshift = objects(rows, seed, label)
    return (magnitudes, redshift) if with_redshift else (magnitudes,)


def tables(sizes: tuple[int, ...] = (20, 200), count: int = 200) -> TableTypicality:
    """What judges tables of these objects, from good tables of so many rows."""
    fitted = mixtures()
    members, scores = memberships(fitted.components(objects(5_000, 7)[0]))
    totals = members.sum(axis=1)
    means = members @ scores / totals
    expected = np.array([means, members @ scores**2 / totals - means**2])
    none = np.zeros((0, 0))
    given = {"expected": expected, "limits": LIMITS}
    judge = TableTypicality(fitted, **given, sizes=np.zeros(0, np.int64), effects=none, gains=none)
    mixes = (None, 0, 1, 2)
    good = [[objects(size, 1_000 + seed, mixes[seed % len(mixes)])[0] for seed in range(count)] for size in sizes]
    quantiles = np.linspace(0, 1, 501)
    effects = [np.quantile([judge.effect(table) for table in each], quantiles) for each in good]
    for each in effects:
        # Beyond so few tables others lie.
        each[0] -= 0.1
        each[-1] += 0.1
    gains = [np.quantile([judge.best_cure(table)[1] for table in each], quantiles) for each in good]
    return TableTypicality(fitted, **given, sizes=np.array(sizes), effects=np.array(effects), gains=np.array(gains))


def with_domain(folder: Path) -> Path:
    """Add the mixtures, and the class shares of the training data, to a star artefact."""
    contents = {
        "with_redshift": mixtures(with_redshift=True).save(),
        "photometry_only": mixtures().save(),
        "tables": mixtures().save(),
        "table_effects": tables().save(),
    }
    path = folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    files = {}
    for name, content in contents.items():
        (folder / f"{name}.npz").write_bytes(content)
        files[name] = {"file": f"{name}.npz", "sha256": hashlib.sha256(content).hexdigest()}
    card["typicality"] = {"threshold": THRESHOLD, "files": files}
    card["training_data"] = {"splits": {"train": {"classes": {"GALAXY": 200, "QSO": 200, "STAR": 200}}}}
    path.write_text(json.dumps(card), encoding="utf-8")
    return folder
