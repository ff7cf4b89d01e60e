"""The tables of README.md: filled from the committed results, so that no figure in them is typed.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common import readme as readme_tables
from model_export.common.readme import difference, interval, markdown
from model_export.galaxy.labels import CLASSES, KINDS, NAMES
from model_export.galaxy.workspace import ABLATION, COMPARISON, EVALUATION, FORMS, LONGER, PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

README: Final = PACKAGE / "README.md"
RESULTS: Final = PACKAGE / "results"
DIGITS: Final = 3


def fill(results: Path) -> None:
    """Fill the README after a command; results that were written elsewhere leave it alone."""
    readme_tables.fill(README, results, TABLES, "galaxy")


def render(text: str, results: Path) -> str:
    """The text with every table made anew."""
    return readme_tables.render(text, results, TABLES, "galaxy")


def _interval(score: Mapping[str, float]) -> str:
    return interval(score, DIGITS)


def _parts(data: Mapping[str, Any]) -> str:
    parts = data["splits"]
    rows = [
        [name, *(f"{part['galaxy_zoo_2'][key]:,}" for part in parts.values())]
        for key, name in zip((*CLASSES, "partial"), (*NAMES, "class known in part"), strict=True)
    ]
    efigi = ["EFIGI", *(f"{part['efigi']:,}" for part in parts.values())]
    total = ["all", *(f"{part['rows']:,}" for part in parts.values())]
    return markdown(["pictures", *(name.replace("_", " ") for name in parts)], [*rows, efigi, total])


def _candidates(comparison: Mapping[str, Any]) -> str:
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "parameters": lambda row: f"{row['parameters']:,}",
        "pictures seen": lambda row: f"{row['pictures_seen']:,}",
        "core seconds": lambda row: f"{row['core_seconds']:,.0f}",
        "accuracy": lambda row: _interval(row["accuracy"]),
        "balanced": lambda row: f"{row['balanced_accuracy']['value']:.3f}",
        "macro F1": lambda row: _interval(row["macro_f1"]),
        "ECE": lambda row: f"{row['ece']:.3f}",
        "views": lambda row: row["views"],
        "ms": lambda row: f"{row['latency_ms']:.2f}",
        "one view: accuracy, ms": lambda row: f"{row['one_view_accuracy']:.3f}, {row['one_view_latency_ms']:.2f}",
    }
    rows = [
        [f"{row['about']}, {row['side']} px", *(column(row) for column in columns.values())]
        for row in comparison["candidates"].values()
    ]
    return markdown(["candidate", *columns], rows)


def _longer(longer: Mapping[str, Any]) -> str:
    rows = [
        [
            row["about"], f"{row['pictures_seen']:,}", f"{row['core_seconds']:,.0f}", _interval(row["accuracy"]),
            f"{row['balanced_accuracy']['value']:.3f}", _interval(row["macro_f1"]), f"{row['ece']:.3f}",
        ]
        for row in (longer["shipped"], *longer["candidates"].values())
    ]  # fmt: skip
    header = ["candidate", "pictures seen", "core seconds", "accuracy", "balanced", "macro F1", "ECE"]
    return markdown(header, rows)


def _curve(comparison: Mapping[str, Any]) -> str:
    if len(comparison["learning_curve"]["fractions"]) == 1:
        return "(run `python -m model_export galaxy compare --curve 0.25 0.5`)"
    rows = [
        [
            f"{float(fraction):.0%}", f"{row['pictures']:,}", f"{row['steps']:,}", _interval(row["accuracy"]),
            f"{row['balanced_accuracy']['value']:.3f}", _interval(row["macro_f1"]),
        ]
        for fraction, row in comparison["learning_curve"]["fractions"].items()
    ]  # fmt: skip
    return markdown(["training part", "pictures", "steps", "accuracy", "balanced", "macro F1"], rows)


def _ablation(ablation: Mapping[str, Any]) -> str:
    whole = ablation["whole"]
    rows = [["everything", _interval(whole["accuracy"]), _interval(whole["macro_f1"]), f"{whole['ece']:.3f}", "", ""]]
    rows += [
        [
            f"without {KINDS[kind]}", _interval(row["accuracy"]), _interval(row["macro_f1"]), f"{row['ece']:.3f}",
            difference(row["accuracy_gain"], DIGITS), difference(row["log_loss_gain"], DIGITS),
        ]
        for kind, row in ablation["without"].items()
    ]  # fmt: skip
    gains = ["what it brings, paired: accuracy", "nats of log loss"]
    return markdown(["learnt from", "accuracy", "macro F1", "ECE", *gains], rows)


def _forms(forms: Mapping[str, Any]) -> str:
    rows = [
        [name, _interval(row["accuracy"]), _interval(row["macro_f1"]), f"{row['ece']:.3f}", _interval(row["coverage"])]
        for name, row in forms["forms"].items()
    ]
    return markdown(["form", "accuracy", "macro F1", "ECE", "coverage of the 90 % sets"], rows)


def _scores(evaluation: Mapping[str, Any]) -> str:
    scores, conformal = evaluation["metrics"], evaluation["metrics"]["conformal"]
    perfect = scores["ece_of_a_perfectly_calibrated_model"]
    weighted = scores["accuracy_reweighted_to_full_survey"]
    rows = [
        ["pictures", f"{scores['rows']:,}"],
        ["accuracy", _interval(scores["accuracy"])],
        ["balanced accuracy", _interval(scores["balanced_accuracy"])],
        ["macro F1", _interval(scores["macro_f1"])],
        ["log loss", f"{scores['log_loss']:.3f}"],
        ["ECE before temperature scaling", f"{scores['ece_before']:.4f}"],
        ["ECE after", f"{scores['ece_after']:.4f}"],
        [
            "ECE of a perfectly calibrated model on so few pictures",
            f"{perfect['mean']:.4f} (95 % below {perfect['upper']:.4f})",
        ],
        ["coverage of the 90 % sets", f"{conformal['coverage']:.3f}"],
        ["mean set size", f"{conformal['mean_set_size']:.2f}"],
        ["accuracy by the full survey's classes, raw votes", f"{weighted['raw_votes']:.3f}"],
        ["the same, edge-on to cigar 4 to 1", f"{weighted['decision_path']:.3f}"],
    ]
    return markdown(["test part", evaluation["run"]["candidate"]], rows)


def _classes(evaluation: Mapping[str, Any]) -> str:
    scores = evaluation["metrics"]
    rows = [
        [
            name, str(row["rows"]), *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
            f"{scores['conformal']['coverage_by_class'][name]:.3f}",
        ]
        for name, row in scores["per_class"].items()
    ]  # fmt: skip
    return markdown(["class", "pictures", "precision", "recall", "F1", "coverage"], rows)


def _confusion(evaluation: Mapping[str, Any]) -> str:
    counts = evaluation["metrics"]["confusion_matrix"]
    rows = [[name, *map(str, row)] for name, row in zip(NAMES, counts, strict=True)]
    return markdown(["true, predicted", *NAMES], rows)


def _sources(evaluation: Mapping[str, Any]) -> str:
    sources = evaluation["metrics"]["by_source"]
    rows = [[f"`{name}`", str(row["rows"]), f"{row['accuracy']:.3f}"] for name, row in sources.items()]
    return markdown(["origin of the label", "pictures", "accuracy"], rows)


def _latency(evaluation: Mapping[str, Any]) -> str:
    times, file = evaluation["latency"], evaluation["file"]
    roofline = times["roofline"]
    difference = max(evaluation["parity"]["max_abs_difference"].values())
    rows = [
        ["one thread, p50 / p90", f"{times['one_thread']['p50']:.2f} / {times['one_thread']['p90']:.2f} ms"],
        ["two threads, p50", f"{times['two_threads']['p50']:.2f} ms"],
        ["batch of 8, p50 a picture", f"{times['batch_of_8_per_picture']['p50']:.2f} ms"],
        [
            "INT8, p50; bytes; accuracy",
            f"{times['int8']['p50']:.2f} ms; {times['int8']['bytes']:,}; {times['int8']['accuracy']:.3f}",
        ],
        ["session creation", f"{times['session_creation']['p50']:.1f} ms"],
        ["multiply-adds", f"{roofline['multiply_adds'] / 1e6:.0f} million"],
        ["this core's float32 peak", f"{roofline['peak_gflops_one_thread']:.0f} GFLOP/s"],
        ["times the peak's time", f"{roofline['ratio']:.1f}"],
        ["file", f"{file['bytes']:,} bytes, {file['nodes']} nodes, opset {file['opset']}, IR {file['ir_version']}"],
        [
            "largest difference from PyTorch",
            f"{difference:.1e} ({evaluation['parity']['pictures']} pictures)",
        ],
    ]
    return markdown(["exported file", "measured"], rows)


TABLES: Final[dict[str, tuple[str, str, Callable[[Mapping[str, Any]], str]]]] = {
    "parts": ("data.json", "data", _parts),
    "candidates": (COMPARISON, "compare", _candidates),
    "longer": (LONGER, "compare --alone crossformer", _longer),
    "curve": (COMPARISON, "compare", _curve),
    "ablation": (ABLATION, "ablate", _ablation),
    "forms": (FORMS, "input-formats", _forms),
    "scores": (EVALUATION, "evaluate", _scores),
    "classes": (EVALUATION, "evaluate", _classes),
    "confusion": (EVALUATION, "evaluate", _confusion),
    "sources": (EVALUATION, "evaluate", _sources),
    "latency": (EVALUATION, "evaluate", _latency),
}
