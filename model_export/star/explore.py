"""``explore``: a report on the data, model families and features, as a single HTML file with embedded plots.

Families are fitted on four folds of the training part and measured on the fifth; the test split is not used for
choosing between them. All get the same features; none is tuned beyond its documentation's suggestions for a table
of this size.

Features are compared by cross-validation on the training part: the same booster on growing sets of columns. The
shipped set is marked; the sets after it add or remove features.
"""

from __future__ import annotations

import base64
import html
import io
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model_export.common.cli import OK, log, progress
from model_export.common.files import write_json
from model_export.star import boosters, plots, readme
from model_export.star.data import FOLDS, SEED, Workspace, folds, split
from skysort.learning import calibration, metrics
from skysort.star.columns import LABELS
from skysort.star.features import BEND_NAMES, COLOUR_NAMES, DISTANCE_MAGNITUDE
from skysort.star.spellings import BANDS, MEASURED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.columns import Photometry

    Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]
    Fit = Callable[[NDArray[np.float32], NDArray[np.int64]], Predict]

REPORT: Final = "report.html"
COMPARISON: Final = "comparison.json"
ABLATION: Final = "features.json"
FITS: Final = 8  # four families, two variants
ROWS_TIMED: Final = 10_000
LEAST: Final = 1e-6  # floor of a probability: a forest's 0 would dominate the mean log loss
NEIGHBOURS: Final = COLOUR_NAMES[: len(BANDS) - 1]
SHIPPED: Final = "+ curvatures (shipped)"
OTHER_COLOURS: Final = ((0, 3), (0, 4), (1, 4), (2, 4))
FAMILY_HEADER: Final = ("model", "accuracy", "balanced accuracy", "macro F1", "log loss", "fit (s)", "rows a second")
STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; }
td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
"""


def run(options: argparse.Namespace) -> int:
    """Write build/star/report.html, results/comparison.json and features.json, and fill the README's tables."""
    workspace = Workspace.of(options)
    chosen = boosters.hyperparameters(workspace.hyperparameters)
    dataset = workspace.dataset()
    training = dataset.take(split(dataset).train)
    with progress() as bar:
        task = bar.add_task("model families", total=FITS)
        compared = compare_families(training, chosen, options.threads, partial(bar.advance, task))
        write_json(workspace.results / COMPARISON, compared)
        task = bar.add_task("feature sets", total=sum(map(len, feature_sets(training.photometry).values())))
        ablated = compare_features(training, chosen, options.threads, partial(bar.advance, task))
        write_json(workspace.results / ABLATION, ablated)
    path = workspace.build / REPORT
    path.write_text(report(dataset, compared), encoding="utf-8")
    readme.PAGE.fill(workspace.results)
    log(f"written: {path}")
    return OK


def families(chosen: boosters.Hyperparameters, threads: int) -> dict[str, Fit]:
    """By the name in tables: a function that fits a family and returns its predictor of (n, 3) probabilities."""

    def xgboost(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Predict:
        booster = boosters.fit(features, labels, chosen, threads=threads)
        return lambda rows: calibration.probabilities(boosters.margins(booster, rows))

    def of(model: Any) -> Fit:
        predict: Fit = lambda features, labels: model.fit(features, labels).predict_proba  # noqa: E731
        return predict

    return {
        "XGBoost": xgboost,
        "Histogram gradient booster": of(HistGradientBoostingClassifier(random_state=SEED)),
        "Random forest": of(RandomForestClassifier(300, n_jobs=threads, random_state=SEED)),
        "Logistic regression": of(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))),
    }


def compare_families(
    training: Dataset,
    chosen: Mapping[str, boosters.Hyperparameters],
    threads: int,
    on_fit: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Scores, log loss and times of every family, by variant and family."""
    fold = folds(training)
    fitted_rows, test_rows = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    truth = training.labels[test_rows]
    results: dict[str, dict[str, Any]] = {}
    for variant in boosters.VARIANTS:
        features = boosters.matrix(training.photometry, variant)
        results[variant] = {}
        for name, fit in families(chosen[variant], threads).items():
            started = time.perf_counter()
            predict = fit(features[fitted_rows], training.labels[fitted_rows])
            fitted = time.perf_counter()
            predict(features[test_rows[:ROWS_TIMED]])
            predicted = time.perf_counter()
            probability = predict(features[test_rows])
            own = np.maximum(probability[np.arange(len(truth)), truth], LEAST)
            results[variant][name] = {
                **metrics.scores_of_table(metrics.confusion(truth, probability.argmax(axis=1), len(LABELS))),
                "log_loss": round(float(-np.log(own).mean()), 6),
                "fit_seconds": round(fitted - started, 2),
                "rows_per_second": round(ROWS_TIMED / (predicted - fitted)),
            }
            on_fit()
    return {"rows": {"fitted": len(fitted_rows), "measured": len(test_rows)}, "threads": threads, "variants": results}


def feature_sets(photometry: Photometry) -> dict[str, dict[str, NDArray[np.float32]]]:
    """(n, columns) of each set, by variant and by a name that states what it adds to the previous set."""
    magnitudes = photometry.magnitudes
    others = np.column_stack([magnitudes[:, a] - magnitudes[:, b] for a, b in OTHER_COLOURS]).astype(np.float32)
    thirds = np.diff(magnitudes, n=3, axis=1).astype(np.float32)
    sets = {}
    for variant, names in boosters.FEATURES.items():
        matrix = boosters.matrix(photometry, variant)
        at_distance = () if DISTANCE_MAGNITUDE not in names else (DISTANCE_MAGNITUDE,)
        plain = tuple(name for name in names if name not in (*COLOUR_NAMES, *BEND_NAMES, *at_distance))
        grown = {
            "measured values": plain,
            "+ neighbouring colours": (*plain, *NEIGHBOURS),
            "+ two wide colours": (*plain, *COLOUR_NAMES),
            **({"+ brightness at distance": (*plain, *COLOUR_NAMES, *at_distance)} if at_distance else {}),
        }
        shrunk = {
            "two wide colours": [name for name in names if name not in COLOUR_NAMES[len(NEIGHBOURS) :]],
            **({"brightness at distance": [name for name in names if name not in at_distance]} if at_distance else {}),
        }
        sets[variant] = {
            **{name: _columns(matrix, names, columns) for name, columns in grown.items()},
            SHIPPED: matrix,
            "shipped + the other four colours": np.column_stack([matrix, others]),
            "shipped + third differences": np.column_stack([matrix, thirds]),
            **{f"shipped - {name}": _columns(matrix, names, columns) for name, columns in shrunk.items()},
        }
    return sets


def _columns(matrix: NDArray[np.float32], names: Sequence[str], chosen: Sequence[str]) -> NDArray[np.float32]:
    return np.ascontiguousarray(matrix[:, [names.index(name) for name in chosen]])


def compare_features(
    training: Dataset,
    chosen: Mapping[str, boosters.Hyperparameters],
    threads: int,
    on_set: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Log loss, accuracy and macro F1 of every set, each with its variant's hyperparameters."""
    fold = folds(training)
    results: dict[str, Any] = {}
    for variant, sets in feature_sets(training.photometry).items():
        results[variant] = {}
        for name, features in sets.items():
            margins = boosters.out_of_fold(features, training.labels, chosen[variant], fold, threads=threads)
            table = metrics.confusion(training.labels, margins.argmax(axis=1), len(LABELS))
            results[variant][name] = {
                "columns": features.shape[1],
                "log_loss": round(calibration.log_loss(margins, training.labels), 6),
                "accuracy": round(float(metrics.accuracy(table)), 6),
                "macro_f1": round(float(metrics.macro_f1(table)), 6),
            }
            on_set()
    return {"rows": len(training), "folds": FOLDS, "variants": results}


def report(dataset: Dataset, compared: dict[str, Any]) -> str:
    """The self-contained HTML page."""
    values = np.column_stack([dataset.photometry.magnitudes, dataset.photometry.redshift])
    measured = pd.DataFrame(values, columns=list(MEASURED)).agg(["min", "median", "mean", "max"]).T
    sections = [
        _section(
            "Classes",
            f"{dataset.file_name}: {len(dataset):,} objects. Left out: {dataset.dropped['sentinel']} rows with the "
            f"sentinel -9999, {dataset.dropped['repeated']} repeated objects.",
            plots.class_balance(dataset),
        ),
        _section("Measured values", "", None, measured.to_html(border=0, float_format="{:.3f}".format)),
        _section("Magnitudes", "The middle 99 % of each band.", plots.magnitudes(dataset)),
        _section(
            "Redshift",
            "Left: all of it. Right: the corner of the stars, whose redshift is their motion through the Galaxy. "
            "The redshift comes from the same spectrum as the label, so it is close to the answer itself.",
            plots.redshifts(dataset),
        ),
        _section(
            "Colours",
            f"{plots.POINTS:,} objects drawn by seed {SEED}. Stars lie along a narrow locus; quasars stand out "
            "towards the ultraviolet (small u - g).",
            plots.colour_colour(dataset, SEED),
        ),
        _section("Correlations", "Spearman rank correlation.", plots.correlations(dataset)),
        _section(
            "Model families",
            f"Fitted on {compared['rows']['fitted']:,} objects of the training part, measured on "
            f"{compared['rows']['measured']:,} others of it, the test split untouched. Bars: 95 % bootstrap intervals.",
            plots.families(compared["variants"]),
            *(
                f"<h3>{variant.replace('_', ' ')}</h3>"
                + pd.DataFrame(_family_rows(scores), columns=list(FAMILY_HEADER)).to_html(border=0, index=False)
                for variant, scores in compared["variants"].items()
            ),
        ),
    ]
    title = "SDSS17 for the star model"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = f"<h1>{title}</h1>{''.join(sections)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _family_rows(compared: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            *(f"{scores[score]['value']:.4f}" for score in metrics.SCORES),
            f"{scores['log_loss']:.4f}",
            f"{scores['fit_seconds']:.1f}",
            f"{scores['rows_per_second']:,}",
        )
        for name, scores in compared.items()
    ]


def _section(title: str, text: str, figure: Figure | None, *parts: str) -> str:
    image = ""
    if figure is not None:
        content = io.BytesIO()
        plots.save(figure, content)
        encoded = base64.b64encode(content.getvalue()).decode()
        image = f'<img alt="{html.escape(title)}" src="data:image/png;base64,{encoded}">'
    return f"<h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>{image}{''.join(parts)}"
