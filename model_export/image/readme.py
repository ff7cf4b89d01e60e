"""The tables of README.md, from the committed results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, log
from model_export.common.readme import Readme, difference, flagged_table, interval, markdown
from model_export.common.typicality import RESULTS
from model_export.image.data import COMPARED, EVALUATIONS, EXPORT, TRAINING, VALIDATED, VALIDATION, WEIGHTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    Document = Mapping[str, Any]
_TIMED: Final = {
    "one picture, one thread": "one",
    "the same with a map for one class": "one_explained",
    "the public file, probabilities": "public_file",
    "session creation": "session_creation",
}


def run(options: argparse.Namespace) -> int:
    """``report``: write model_export/image/README.md from the committed figures."""
    PAGE.fill(options.results or PAGE.results)
    log(f"filled {PAGE.path}")
    return OK


def _public(weights: Document) -> str:
    rows = [
        [f"`{source}`", f"{entry['rows']:,}", interval(entry["top_1"]), interval(entry["top_5"])]
        for source, entry in weights["before_any_change"].items()
    ]
    exact = f"Largest difference of a logit from the public file: {weights['largest_logit_difference']:.1e}."
    return markdown(["all photographs", "rows", "top-1", "top-5"], rows) + f"\n\n{exact}"


def _tuning(training: Document) -> str:
    rows = [
        [str(epoch) + (" (kept)" if epoch == training["epoch"] else ""), f"{far:.4f}"]
        for epoch, far in enumerate(training["distance_to_teacher"])
    ]
    return markdown(["epoch", "nats from the teacher"], rows)


def _held_out(evaluation: Document) -> str:
    rows = [
        [
            *(f"`{source}`", f"{entry['after']['rows']:,}", interval(entry["before"]["top_1"])),
            *(interval(entry["after"]["top_1"]), difference(entry["top_1_gain"]), interval(entry["after"]["top_5"])),
        ]
        for source, entry in evaluation["held_out"].items()
    ]
    return markdown(["held-out photographs", "rows", "top-1 before", "top-1", "gain, paired", "top-5"], rows)


def _steps(evaluation: Document) -> str:
    rows = [
        [
            f"`{source}`",
            *(interval(step["top_1"]) for step in entry["steps"].values()),
            difference(entry["tuning_gain"]),
        ]
        for source, entry in evaluation["held_out"].items()
    ]
    named = next(iter(evaluation["held_out"].values()))["steps"]
    return markdown(["top-1, held-out photographs", *named, "tuning alone, paired"], rows)


def _calibration(evaluation: Document) -> str:
    cross = evaluation["calibration_cross_fitted"]
    sizes = cross["conformal_set_size"]
    rows = [
        ["ECE before temperature scaling", f"{cross['ece_before']:.3f}"],
        ["ECE after", f"{cross['ece_after']:.3f}"],
        ["log loss before, after", f"{cross['log_loss_before']:.3f}, {cross['log_loss_after']:.3f}"],
        ["coverage of the 90 % sets", interval(cross["conformal_coverage"])],
        ["labels in a set: mean, median", f"{sizes['value']:.2f}, {sizes['median']:.0f}"],
        ["temperature", f"{evaluation['temperature']:.3f}"],
        ["threshold", f"{evaluation['conformal']['threshold']:.4f}"],
    ]  # fmt: skip
    return markdown([cross["split"], ""], rows)


def _exported(export: Document) -> str:
    rows = [
        [
            *(f"`{source}`", interval(entry["top_1"]), interval(entry["top_5"]), f"{entry['ece']:.3f}"),
            *(interval(entry["conformal_coverage"]), f"{entry['mean_set_size']:.2f}"),
        ]
        for source, entry in export["exported_file"].items()
    ]
    return markdown(["the exported file", "top-1", "top-5", "ECE", "coverage", "labels in a set"], rows)


def _validation(validated: Document) -> str:
    size = validated["set_size"]
    rows = [
        ["photographs", f"{validated['rows']:,}"],
        ["top-1", interval(validated["top_1"])],
        ["top-5", interval(validated["top_5"])],
        ["log loss", interval(validated["log_loss"])],
        ["ECE", interval(validated["ece"])],
        ["coverage of the 90 % sets", interval(validated["conformal_coverage"])],
        ["labels in a set: mean, median", f"{interval(size, 2)}, {size['median']:.0f}"],
        ["sets of one label; empty", f"{interval(validated['single'])}; {interval(validated['empty'])}"],
    ]  # fmt: skip
    return markdown([f"`{VALIDATION}`, version {validated['version']}", ""], rows)


def _compared(compared: Document) -> str:
    rows = [
        [
            name, interval(row["top_1"]), interval(row["top_5"]), difference(row["gain"]),
            f"{row['multiply_adds'] / 1e6:.0f} million", f"{row['time_ratio']:.2f}",
        ]
        for name, row in compared["networks"].items()
    ]  # fmt: skip
    header = [f"`{VALIDATION}`", "top-1", "top-5", "gain in top-1, paired", "multiply-adds", "time"]
    return markdown(header, rows)


def _file(export: Document) -> str:
    speed, roof, small = export["latency"], export["roofline"], export["int8"]
    batches = speed["batches_per_picture"]
    rows = [
        ["bytes", f"{export['bytes']:,}"],
        ["nodes; opset; IR", f"{export['nodes']}; {export['opset']}; {export['ir_version']}"],
        ["largest difference from PyTorch, probabilities", f"{export['parity']['largest_difference']:.1e}"],
        *([name, _milliseconds(speed[key])] for name, key in _TIMED.items()),
        *([f"{count} thread(s)", _milliseconds(entry)] for count, entry in speed["threads"].items()),
        *([f"a picture in batches of {size}, processor", f"{value:.2f} ms"] for size, value in batches.items()),
        ["multiply-adds", f"{roof['multiply_adds'] / 1e6:.0f} million"],
        [f"roofline at {roof['peak_gflops']:.0f} GFLOP/s", f"{roof['floor_ms']:.2f} ms"],
        ["least time over roofline", f"{roof['ratio']:.2f}"],
        ["INT8 (not shipped)", f"{small['bytes']:,} bytes; {_milliseconds(small['one'])}"],
        ["INT8, top-1 on the sample's held-out half", interval(small["top_1"])],
    ]  # fmt: skip
    return markdown(["the exported file", ""], rows)


def _milliseconds(measured: Mapping[str, float]) -> str:
    return f"p50 {measured['p50']:.2f}, least {measured['least']:.2f}, processor {measured['processor_p50']:.2f} ms"


def _typicality(report: Document) -> str:
    return flagged_table(report, "photographs")


PAGE: Final = Readme(
    "image",
    {
        "public": (WEIGHTS, "weights", _public),
        "tuning": (TRAINING, "train", _tuning),
        "held_out": (EVALUATIONS["base"], "evaluate --network base", _held_out),
        "steps": (EVALUATIONS["tuned"], "evaluate --network tuned", _steps),
        "calibration": (EVALUATIONS["base"], "evaluate --network base", _calibration),
        "exported": (EXPORT, "export", _exported),
        "validation": (VALIDATED, "validate", _validation),
        "compared": (COMPARED, "compare", _compared),
        "typicality": (RESULTS, "typicality", _typicality),
        "file": (EXPORT, "export", _file),
    },
)
