"""``explore``: a report on the data and on model families, one HTML file with its plots inside."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.star import ablation, boosters, comparison, plots, readme, survey_plots
from model_export.star.split import SEED, split
from model_export.star.workspace import Workspace
from skysort.star.spellings import MEASURED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from model_export.settings import Settings
    from model_export.star.data import Dataset

REPORT: Final = "report.html"
COMPARISON: Final = "comparison.json"
ABLATION: Final = "features.json"
FITS: Final = 8  # four families, two variants
STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; }
td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
"""


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/star/report.html, results/comparison.json and features.json, and fill the README's tables."""
    workspace = Workspace.of(options, settings)
    chosen = boosters.hyperparameters(workspace.hyperparameters)
    dataset = workspace.dataset()
    training = dataset.take(split(dataset).train)
    with progress() as bar:
        fitting = bar.add_task("compare", total=FITS)

        def on_fit(name: str) -> None:
            bar.update(fitting, description=name)
            bar.advance(fitting)

        compared = comparison.compare(training, chosen, options.threads, on_fit)
        write_json(workspace.results / COMPARISON, compared)
        sets = sum(map(len, ablation.feature_sets(training.photometry).values()))
        task = bar.add_task("feature sets", total=sets)
        ablated = ablation.compare(training, chosen, options.threads, lambda: bar.advance(task))
        write_json(workspace.results / ABLATION, ablated)
    path = workspace.build / REPORT
    path.write_text(report(dataset, compared), encoding="utf-8")
    readme.fill(workspace.results)
    say(f"written: {path}")
    return OK


def report(dataset: Dataset, compared: dict[str, Any]) -> str:
    """The HTML page; it needs no other file and no network."""
    sections = [
        _section(
            "Classes",
            f"{dataset.file_name}: {len(dataset):,} objects. Left out: {dataset.dropped['sentinel']} rows with the "
            f"sentinel -9999, {dataset.dropped['repeated']} repeated objects.",
            survey_plots.class_balance(dataset),
        ),
        _section("Measured values", "", None, _table(("column", "least", "median", "mean", "most"), _values(dataset))),
        _section("Magnitudes", "The middle 99 % of each band.", survey_plots.magnitudes(dataset)),
        _section(
            "Redshift",
            "Left: all of it. Right: the corner of the stars, whose redshift is their motion through the Galaxy. "
            "The redshift comes from the same spectrum as the label, so it is close to the answer itself.",
            survey_plots.redshifts(dataset),
        ),
        _section(
            "Colours",
            f"{survey_plots.POINTS:,} objects drawn by seed {SEED}. Stars lie along a narrow locus; quasars stand out "
            "towards the ultraviolet (small u - g).",
            survey_plots.colour_colour(dataset, SEED),
        ),
        _section("Correlations", "Spearman rank correlation.", survey_plots.correlations(dataset)),
        _section(
            "Model families",
            f"Fitted on {compared['rows']['fitted']:,} objects of the training part, measured on "
            f"{compared['rows']['measured']:,} others of it, the test split untouched. Bars: 95 % bootstrap intervals.",
            survey_plots.comparison(compared["variants"]),
            *(
                f"<h3>{variant.replace('_', ' ')}</h3>" + _table(FAMILY_HEADER, family_rows(families))
                for variant, families in compared["variants"].items()
            ),
        ),
    ]
    title = "SDSS17 for the star model"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = f"<h1>{title}</h1>{''.join(sections)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


FAMILY_HEADER: Final = ("model", "accuracy", "balanced accuracy", "macro F1", "log loss", "fit (s)", "rows a second")


def family_rows(families: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row of text a model family, in the order of FAMILY_HEADER."""
    return [
        (
            name,
            *(f"{scores[score]['value']:.4f}" for score in ("accuracy", "balanced_accuracy", "macro_f1")),
            f"{scores['log_loss']:.4f}",
            f"{scores['fit_seconds']:.1f}",
            f"{scores['rows_per_second']:,}",
        )
        for name, scores in families.items()
    ]


def _values(dataset: Dataset) -> list[tuple[str, ...]]:
    values = np.column_stack([dataset.photometry.magnitudes, dataset.photometry.redshift])
    columns = (values.min(0), np.median(values, axis=0), values.mean(0), values.max(0))
    return [(name, *(f"{column[place]:.3f}" for column in columns)) for place, name in enumerate(MEASURED)]


def _section(title: str, text: str, figure: Figure | None, *parts: str) -> str:
    image = "" if figure is None else _image(figure, title)
    return f"<h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>{image}{''.join(parts)}"


def _image(figure: Figure, title: str) -> str:
    content = io.BytesIO()
    plots.save(figure, content)
    encoded = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{html.escape(title)}" src="data:image/png;base64,{encoded}">'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(header, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"
