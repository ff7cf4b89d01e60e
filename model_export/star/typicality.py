"""``typicality``: fit what tells odd rows and tables, and measure it on the test part.

The mixtures are fitted on four fifths of the training part and their shares on the fifth fifth; the test part is only
measured on. Spoilt tables are made of test rows: in Vega magnitudes, reddened, with exchanged bands and so on.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.neighbors import NearestNeighbors

from model_export.common.cli import OK, log
from model_export.common.files import artefact, read_json, sha256, write_json
from model_export.star import mixtures, readme, shift
from model_export.star.boosters import PHOTOMETRY_ONLY, WITH_REDSHIFT
from model_export.star.data import SEED, Workspace, description, split
from model_export.star.typicality_card import RESULTS
from skysort.learning import metrics
from skysort.model_card import CARD_FILE
from skysort.star.columns import LABELS, Photometry
from skysort.star.cures import EXTINCTION, NAMES, VEGA
from skysort.star.domain import EFFECTS_FILE, TABLES_FILE
from skysort.star.mixtures import THRESHOLD
from skysort.star.model import StarModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.mixtures import Mixtures
    from skysort.star.table_typicality import TableTypicality

    Magnitudes = NDArray[np.float64]
    Change = Callable[[Magnitudes], Magnitudes]

TABLE_ROWS: Final = 200
GOOD_TABLES: Final = 1_000
SPOILT_TABLES: Final = 200
SIMULATED: Final = 20_000
SIMILAR: Final = 30
# Magnitudes that no object of the survey has in all bands.
ALIKE: Final = np.concatenate([np.linspace(5.0, 10.0, 101), np.linspace(27.0, 35.0, 161)])
# Extinction of the older calibration of the same dust maps, as many catalogues still have it (Stoughton et al. 2002).
OLDER_EXTINCTION: Final = np.array([5.155, 3.793, 2.751, 2.086, 1.479])


def run(options: argparse.Namespace) -> int:
    """Write build/star/{with_redshift,photometry_only,tables,table_effects}.npz and results/typicality.json."""
    workspace = Workspace.of(options)
    dataset = workspace.dataset()
    parts = split(dataset)
    training, test = dataset.take(parts.train), dataset.take(parts.test)
    fitted = {
        name: mixtures.fit(training, with_redshift=name == WITH_REDSHIFT) for name in (WITH_REDSHIFT, PHOTOMETRY_ONLY)
    }
    tables = mixtures.tables(training)
    report = {
        "split": "test",
        "rows": {name: rows(each, test) for name, each in fitted.items()},
        "tables": {"good": good_tables(tables, test), "spoilt": spoilt_tables(tables, test)},
        "prior": prior(test),
        "cost": cost(fitted, tables, test),
    }
    store(workspace, description(dataset)["splits"]["train"], contents(fitted, tables), report)
    readme.PAGE.fill(workspace.results)
    log(f"written to {workspace.results / RESULTS}")
    return OK


def contents(fitted: Mapping[str, Mixtures], tables: TableTypicality) -> dict[str, bytes]:
    """The content of each file that a card lists."""
    files = {name: each.save() for name, each in fitted.items()}
    return files | {TABLES_FILE: tables.mixtures.save(), EFFECTS_FILE: tables.save()}


def store(
    workspace: Workspace, fitted_on: Mapping[str, Any], written: Mapping[str, bytes], report: Mapping[str, Any]
) -> None:
    """Write the files and the report, which names them and the objects that they were fitted on."""
    files = {}
    for name, content in written.items():
        file = f"{name}.npz"
        (workspace.build / file).write_bytes(content)
        files[name] = {"file": file, "sha256": sha256(content), "bytes": len(content)}
    write_json(workspace.results / RESULTS, {"files": files, "fitted_on": fitted_on["sha256"], **report})


def rows(fitted: Mixtures, test: Dataset) -> dict[str, Any]:
    """How many good rows are flagged, in all and of each class, and how many that no object can have."""
    photometry = test.photometry
    flagged = _flagged(fitted, photometry.magnitudes, photometry.redshift)
    report = {"flagged": metrics.share(float(flagged.mean()), len(flagged))}
    report |= {
        label: metrics.share(float(flagged[test.labels == place].mean()), int((test.labels == place).sum()))
        for place, label in enumerate(LABELS)
    }
    return {"good": report, "impossible": impossible(fitted, test)}


def impossible(fitted: Mixtures, test: Dataset) -> dict[str, Any]:
    """The share that is flagged of rows that no object can have."""
    draw = np.random.default_rng(SEED)
    chosen = draw.integers(len(test), size=SIMULATED)
    magnitudes, redshift = test.photometry.magnitudes[chosen], test.photometry.redshift[chosen]
    values = {
        "all bands alike, 5 to 10 or 27 to 35": np.repeat(ALIKE[:, None], len(NAMES), axis=1),
        "bands at random, 5 to 35": draw.uniform(5.0, 35.0, magnitudes.shape),
        "neighbours 20 mag apart": np.where(np.arange(len(NAMES)) % 2, magnitudes + 20.0, magnitudes),
    }
    for amount in (4.0, 8.0, 16.0):
        shifted = magnitudes.copy()
        shifted[np.arange(SIMULATED), draw.integers(len(NAMES), size=SIMULATED)] += amount
        values[f"one band {amount:g} mag too faint"] = shifted
    report = {}
    for name, each in values.items():
        flagged = _flagged(fitted, each, redshift[: len(each)])
        report[name] = metrics.share(float(flagged.mean()), len(each))
    return report


def _flagged(fitted: Mixtures, magnitudes: Magnitudes, redshift: NDArray[np.float64]) -> NDArray[np.bool_]:
    typicality = fitted.typicality(magnitudes, redshift if fitted.has_redshift else None)
    flagged: NDArray[np.bool_] = typicality < THRESHOLD
    return flagged


def good_tables(tables: TableTypicality, test: Dataset, count: int = GOOD_TABLES) -> dict[str, Any]:
    """The share of good tables that is flagged: of the survey's mix, of any mix, of one class, and as people select."""
    draw = np.random.default_rng(SEED)
    kinds: dict[str, Callable[[], NDArray[np.intp]]] = {
        "as_the_survey": lambda: draw.choice(len(test), TABLE_ROWS, replace=False),
        "any_mix": lambda: _mixed(test, draw),
        "selected": lambda: mixtures.good_table(test, TABLE_ROWS, draw),
    }
    for place, label in enumerate(LABELS):
        members = np.flatnonzero(test.labels == place)
        kinds[f"all_{label}"] = partial(_drawn, members, draw)
    report = {}
    for name, table in kinds.items():
        verdicts = [tables.judge(test.photometry.magnitudes[table()]) for _ in range(count)]
        flagged = sum(verdict is not None and not verdict.in_domain for verdict in verdicts)
        report[name] = metrics.share(flagged / count, count)
    return report


def _drawn(members: NDArray[np.intp], draw: np.random.Generator) -> NDArray[np.intp]:
    return draw.choice(members, TABLE_ROWS, replace=False)


def spoilt_tables(tables: TableTypicality, test: Dataset, count: int = SPOILT_TABLES) -> dict[str, Any]:
    """Of tables of 200 spoilt rows, half of them of any mix: the share flagged, and with the right cause."""
    draw = np.random.default_rng(SEED)
    report = {}
    for name, (code, change) in changes(test.photometry.magnitudes).items():
        flagged = named = 0
        for number in range(count):
            chosen = _mixed(test, draw) if number % 2 else draw.choice(len(test), TABLE_ROWS, replace=False)
            verdict = tables.judge(change(test.photometry.magnitudes[chosen]))
            if verdict is not None and verdict.cause is not None:
                flagged += 1
                named += verdict.cause.code == code
        report[name] = {
            "flagged": metrics.share(flagged / count, count),
            "cause_right_of_flagged": metrics.share(named / max(1, flagged), max(1, flagged)),
        }
    return report


def changes(among: Magnitudes) -> dict[str, tuple[str, Change]]:
    """What tables are spoilt by: the code of the cause, and the change; among: where similar objects are sought."""
    spoilt: dict[str, tuple[str, Change]] = {
        "Vega magnitudes": ("vega", lambda magnitudes: magnitudes - VEGA),
        "nanomaggies": ("nanomaggies", lambda magnitudes: 10 ** ((22.5 - magnitudes) / 2.5)),
        "reverse order": ("exchanged_bands", lambda magnitudes: magnitudes[:, ::-1]),
        "2 mag fainter": ("fainter", lambda magnitudes: magnitudes + 2.0),
        "g, r, i, z, y": ("unexplained", _next_bands),
        "means of 30 similar objects": ("too_regular", _smoothed(among)),
    }
    for band in range(len(NAMES)):
        offset = 0.5 * np.eye(len(NAMES))[band]
        spoilt[f"{NAMES[band]} 0.5 too faint"] = ("zero_point", _added(offset))
        spoilt[f"{NAMES[band]} 0.5 too bright"] = ("zero_point", _added(-offset))
    for amount in (0.1, 0.2, 0.5, 0.7):
        spoilt[f"reddened by {amount}"] = ("reddened", _added(amount * EXTINCTION))
        spoilt[f"dereddened by {amount}"] = ("dereddened", _added(-amount * EXTINCTION))
    spoilt["reddened by 0.5, older extinction"] = ("reddened", _added(0.5 * OLDER_EXTINCTION))
    for first, second in combinations(range(len(NAMES)), 2):
        order = list(range(len(NAMES)))
        order[first], order[second] = second, first
        spoilt[f"{NAMES[first]} and {NAMES[second]} exchanged"] = ("exchanged_bands", _ordered(order))
    return spoilt


def _next_bands(magnitudes: Magnitudes) -> Magnitudes:
    """The bands g to z with a y that is extrapolated, in place of u to z."""
    return np.column_stack([magnitudes[:, 1:], 1.25 * magnitudes[:, 4] - 0.25 * magnitudes[:, 3]])


def _smoothed(among: Magnitudes) -> Change:
    """The mean of similar objects in place of each, as a model without scatter would give it."""
    nearest = NearestNeighbors(n_neighbors=SIMILAR).fit(among)
    return lambda magnitudes: among[nearest.kneighbors(magnitudes, return_distance=False)].mean(axis=1)


def _added(offsets: NDArray[np.float64]) -> Change:
    return lambda magnitudes: magnitudes + offsets


def _ordered(order: list[int]) -> Change:
    return lambda magnitudes: magnitudes[:, order]


def _mixed(test: Dataset, draw: np.random.Generator) -> NDArray[np.intp]:
    """Rows of a table whose classes have any shares."""
    counts = draw.multinomial(TABLE_ROWS, draw.dirichlet(np.full(len(LABELS), 0.5)))
    return np.concatenate(
        [draw.choice(np.flatnonzero(test.labels == place), count) for place, count in enumerate(counts)]
    )


def prior(test: Dataset) -> dict[str, Any]:
    """What re-weighting is worth to the published boosters; see shift."""
    card = read_json(artefact("star") / CARD_FILE, "star export")
    model = StarModel.load(artefact("star"))
    classes: Mapping[str, int] = card["training_data"]["splits"]["train"]["classes"]
    trained = np.array([classes[label] for label in LABELS], np.float64)
    trained /= trained.sum()
    report = {}
    for name in (WITH_REDSHIFT, PHOTOMETRY_ONLY):
        magnitudes, redshift = test.photometry.magnitudes, test.photometry.redshift
        given = Photometry(magnitudes, redshift if name == WITH_REDSHIFT else np.full(len(test), np.nan))
        probabilities = model.classify(given).probabilities
        thresholds = card["variants"][name]["conformal"]["thresholds"]
        limits = np.array([thresholds[label] for label in LABELS], np.float32)
        rare = np.array([0.73, 0.001, 0.269])
        report[name] = {
            "rare_quasars": shift.rare_quasars(probabilities, test.labels, trained),
            "shares": shift.shares(probabilities, test.labels, trained),
            "coverage_of_thresholds": shift.set_coverage(probabilities, test.labels, trained, limits, rare),
        }
    return report


def cost(fitted: Mapping[str, Mixtures], tables: TableTypicality, test: Dataset) -> dict[str, Any]:
    """Processor time: nanoseconds a row in a table, microseconds of a single row, milliseconds of a table's verdict."""
    magnitudes, redshift = test.photometry.magnitudes, test.photometry.redshift

    def seconds(function: Callable[[], object], times: int) -> float:
        spent = []
        for _ in range(times):
            start = time.thread_time()
            function()
            spent.append(time.thread_time() - start)
        return float(np.median(spent))

    report: dict[str, Any] = {}
    for name, each in fitted.items():
        values = redshift if each.has_redshift else None
        one = None if values is None else values[:1]
        table = seconds(partial(each.typicality, magnitudes, values), 9)
        row = seconds(partial(each.typicality, magnitudes[:1], one), 2_000)
        report[name] = {"ns_per_row": round(table / len(test) * 1e9), "one_row_us": round(row * 1e6, 1)}
    for size in (TABLE_ROWS, len(test)):
        report[f"table_of_{size}_ms"] = round(seconds(partial(tables.judge, magnitudes[:size]), 9) * 1e3, 2)
    spoilt = magnitudes[:TABLE_ROWS] - VEGA
    report["spoilt_table_of_200_ms"] = round(seconds(partial(tables.judge, spoilt), 9) * 1e3, 2)
    return report
