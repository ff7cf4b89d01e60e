"""The tables of README.md, from the committed results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common.readme import Readme, difference, flagged_table, interval, markdown
from model_export.common.typicality import RESULTS
from model_export.galaxy.labels import CLASSES, KINDS, NAMES
from model_export.galaxy.workspace import ABLATION, COARSE, COMPARISON, EVALUATION, FORMATS, LONGER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Document = Mapping[str, Any]


def _parts(data: Document) -> str:
    parts = data["splits"]
    rows = [
        [name, *(f"{part['galaxy_zoo_2'][key]:,}" for part in parts.values())]
        for key, name in zip((*CLASSES, "partial"), (*NAMES, "class known in part"), strict=True)
    ]
    efigi = ["EFIGI", *(f"{part['efigi']:,}" for part in parts.values())]
    total = ["all", *(f"{part['rows']:,}" for part in parts.values())]
    return markdown(["pictures", *(name.replace("_", " ") for name in parts)], [*rows, efigi, total])


def _coarse(coarse: Document) -> str:
    parts = coarse["splits"]
    names = sorted({name for part in parts.values() for name in part["galaxy_zoo_1"]})
    rows = [
        [name.replace("_", " "), *(f"{part['galaxy_zoo_1'].get(name, 0):,}" for part in parts.values())]
        for name in names
    ]
    blank = ["without labels", *(f"{part['unlabelled']:,}" for part in parts.values())]
    return markdown(["pictures", *(name.replace("_", " ") for name in parts)], [*rows, blank])


def _candidates(comparison: Document) -> str:
    columns: dict[str, Callable[[Document], str]] = {
        "parameters": lambda row: f"{row['parameters']:,}",
        "pictures seen": lambda row: f"{row['pictures_seen']:,}",
        "core seconds": lambda row: f"{row['core_seconds']:,.0f}",
        "accuracy": lambda row: interval(row["accuracy"]),
        "balanced": lambda row: f"{row['balanced_accuracy']['value']:.3f}",
        "macro F1": lambda row: interval(row["macro_f1"]),
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


def _longer(longer: Document) -> str:
    rows = [
        [
            row["about"], f"{row['pictures_seen']:,}", f"{row['core_seconds']:,.0f}", interval(row["accuracy"]),
            f"{row['balanced_accuracy']['value']:.3f}", interval(row["macro_f1"]), f"{row['ece']:.3f}",
        ]
        for row in (longer["shipped"], *longer["candidates"].values())
    ]  # fmt: skip
    header = ["candidate", "pictures seen", "core seconds", "accuracy", "balanced", "macro F1", "ECE"]
    return markdown(header, rows)


def _curve(comparison: Document) -> str:
    if len(comparison["learning_curve"]["fractions"]) == 1:
        return "(run `python -m model_export galaxy compare --curve 0.25 0.5`)"
    rows = [
        [
            f"{float(fraction):.0%}", f"{row['pictures']:,}", f"{row['steps']:,}", interval(row["accuracy"]),
            f"{row['balanced_accuracy']['value']:.3f}", interval(row["macro_f1"]),
        ]
        for fraction, row in comparison["learning_curve"]["fractions"].items()
    ]  # fmt: skip
    return markdown(["training part", "pictures", "steps", "accuracy", "balanced", "macro F1"], rows)


def _ablation(ablation: Document) -> str:
    full = ablation["whole"]
    rows = [["everything", interval(full["accuracy"]), interval(full["macro_f1"]), f"{full['ece']:.3f}", "", ""]]
    rows += [
        [
            f"without {KINDS[kind]}", interval(row["accuracy"]), interval(row["macro_f1"]), f"{row['ece']:.3f}",
            difference(row["accuracy_gain"]), difference(row["log_loss_gain"]),
        ]
        for kind, row in ablation["without"].items()
    ]  # fmt: skip
    gains = ["what it brings, paired: accuracy", "nats of log loss"]
    return markdown(["learnt from", "accuracy", "macro F1", "ECE", *gains], rows)


def _typicality(report: Document) -> str:
    return flagged_table(report, "galaxies")


def _sets(report: Document) -> str:
    found = report["sets"]
    limits, measured = found["conformal"]["thresholds"], found["measured"]
    rows = [[name, f"{limits[name]:.3f}", interval(share)] for name, share in measured["coverage_by_class"].items()]
    return markdown([f"{measured['rows']:,} held-out galaxies", "threshold", "coverage"], rows)


def _framing(report: Document) -> str:
    codes = {"framing_too_close": "too close", "framing_too_small": "too small", "framing_off_centre": "off centre"}
    rows = [
        [
            name,
            f"{row['rows']:,}",
            *(interval(row["warnings"][code]) if code in row["warnings"] else "0" for code in codes),
        ]
        for name, row in report["framing"]["measured"].items()
    ]
    return markdown(["frames", "pictures", *codes.values()], rows)


def _formats(formats: Document) -> str:
    rows = [
        [name, interval(row["accuracy"]), interval(row["macro_f1"]), f"{row['ece']:.3f}", interval(row["coverage"])]
        for name, row in formats["forms"].items()
    ]
    return markdown(["format", "accuracy", "macro F1", "ECE", "coverage of the 90 % sets"], rows)


def _scores(evaluation: Document) -> str:
    scores, conformal = evaluation["metrics"], evaluation["metrics"]["conformal"]
    perfect = scores["ece_of_a_perfectly_calibrated_model"]
    weighted = scores["accuracy_reweighted_to_full_survey"]
    rows = [
        ["pictures", f"{scores['rows']:,}"],
        ["accuracy", interval(scores["accuracy"])],
        ["balanced accuracy", interval(scores["balanced_accuracy"])],
        ["macro F1", interval(scores["macro_f1"])],
        ["log loss", f"{scores['log_loss']:.3f}"],
        ["ECE before temperature scaling", f"{scores['ece_before']:.4f}"],
        ["ECE after", f"{scores['ece_after']:.4f}"],
        [
            "ECE of a perfectly calibrated model on so few pictures",
            f"{perfect['mean']:.4f} (95 % below {perfect['upper']:.4f})",
        ],
        ["coverage of the 90 % sets", f"{conformal['coverage']:.3f}"],
        ["mean set size", f"{conformal['mean_set_size']:.2f}"],
        ["empty sets", f"{100 * conformal['empty']:.1f} %"],
        ["accuracy by the full survey's classes, raw votes", f"{weighted['raw_votes']:.3f}"],
        ["the same, edge-on to cigar 4 to 1", f"{weighted['decision_path']:.3f}"],
    ]
    return markdown(["test part", evaluation["run"]["candidate"]], rows)


def _classes(evaluation: Document) -> str:
    scores = evaluation["metrics"]
    rows = [
        [
            name, str(row["rows"]), *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
            interval(scores["conformal"]["coverage_by_class"][name]),
        ]
        for name, row in scores["per_class"].items()
    ]  # fmt: skip
    return markdown(["class", "pictures", "precision", "recall", "F1", "coverage"], rows)


def _confusion(evaluation: Document) -> str:
    counts = evaluation["metrics"]["confusion_matrix"]
    rows = [[name, *map(str, row)] for name, row in zip(NAMES, counts, strict=True)]
    return markdown(["true, predicted", *NAMES], rows)


def _sources(evaluation: Document) -> str:
    sources = evaluation["metrics"]["by_source"]
    rows = [[f"`{name}`", str(row["rows"]), f"{row['accuracy']:.3f}"] for name, row in sources.items()]
    return markdown(["origin of the label", "pictures", "accuracy"], rows)


def _latency(evaluation: Document) -> str:
    times, file = evaluation["latency"], evaluation["file"]
    roofline, int8 = times["roofline"], times["int8"]
    single, parity = times["one_thread"], evaluation["parity"]
    largest = max(parity["max_abs_difference"].values())
    rows = [
        ["one thread, p50 / p90", f"{single['p50']:.2f} / {single['p90']:.2f} ms"],
        ["two threads, p50", f"{times['two_threads']['p50']:.2f} ms"],
        ["batch of 8, p50 a picture", f"{times['batch_of_8_per_picture']['p50']:.2f} ms"],
        ["INT8, p50; bytes; accuracy", f"{int8['p50']:.2f} ms; {int8['bytes']:,}; {int8['accuracy']:.3f}"],
        ["session creation", f"{times['session_creation']['p50']:.1f} ms"],
        ["multiply-adds", f"{roofline['multiply_adds'] / 1e6:.0f} million"],
        ["this core's float32 peak", f"{roofline['peak_gflops_one_thread']:.0f} GFLOP/s"],
        ["times the peak's time", f"{roofline['ratio']:.1f}"],
        *([["outside convolutions", f"{_outside(times['operators_ms']):.0%}"]] if "operators_ms" in times else []),
        ["file", f"{file['bytes']:,} bytes, {file['nodes']} nodes, opset {file['opset']}, IR {file['ir_version']}"],
        ["largest difference from PyTorch", f"{largest:.1e} ({parity['pictures']} pictures)"],
    ]
    return markdown(["exported file", "measured"], rows)


def _outside(operators: Mapping[str, float]) -> float:
    """The share of the time that is not spent in convolutions."""
    return 1 - operators["Conv"] / sum(operators.values())


PAGE: Final = Readme(
    "galaxy",
    {
        "parts": ("data.json", "data", _parts),
        "coarse": (COARSE, "coarse", _coarse),
        "candidates": (COMPARISON, "compare", _candidates),
        "longer": (LONGER, "compare --alone crossformer", _longer),
        "curve": (COMPARISON, "compare", _curve),
        "ablation": (ABLATION, "ablate", _ablation),
        "typicality": (RESULTS, "typicality", _typicality),
        "sets": (RESULTS, "typicality", _sets),
        "framing": (RESULTS, "typicality", _framing),
        "forms": (FORMATS, "input-formats", _formats),
        "scores": (EVALUATION, "evaluate", _scores),
        "classes": (EVALUATION, "evaluate", _classes),
        "confusion": (EVALUATION, "evaluate", _confusion),
        "sources": (EVALUATION, "evaluate", _sources),
        "latency": (EVALUATION, "evaluate", _latency),
    },
)
