"""The tables of README.md: filled from the committed results, so that no figure in them is typed.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common import readme as readme_tables
from model_export.common.readme import difference, interval, markdown
from model_export.star.workspace import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

README: Final = PACKAGE / "README.md"
RESULTS: Final = PACKAGE / "results"
DIGITS: Final = 4
COMPARED: Final = ("accuracy", "macro_f1")


def fill(results: Path) -> None:
    """Fill the README after a command; results that were written elsewhere leave it alone."""
    readme_tables.fill(README, results, TABLES, "star")


def render(text: str, results: Path) -> str:
    """The text with every table made anew."""
    return readme_tables.render(text, results, TABLES, "star")


def _interval(score: Mapping[str, float]) -> str:
    return interval(score, DIGITS)


def _difference(score: Mapping[str, float]) -> str:
    return difference(score, DIGITS)


def _name(variant: str) -> str:
    return f"`{variant}`"


def _scores(evaluation: Mapping[str, Any]) -> str:
    variants = evaluation["variants"]
    lines: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "accuracy": lambda m: _interval(m["accuracy"]),
        "balanced accuracy": lambda m: _interval(m["balanced_accuracy"]),
        "macro F1": lambda m: _interval(m["macro_f1"]),
        "ECE before temperature scaling": lambda m: f"{m['ece_before']:.4f}",
        "ECE after": lambda m: f"{m['ece_after']:.4f}",
        "coverage of the 90 % sets": lambda m: f"{m['conformal']['coverage']:.4f}",
        "coverage, GALAXY / QSO / STAR": lambda m: " / ".join(
            f"{value:.3f}" for value in m["conformal"]["coverage_by_class"].values()
        ),
        "thresholds alone, GALAXY / QSO / STAR": lambda m: " / ".join(
            f"{value:.3f}" for value in m["conformal"]["coverage_of_thresholds"].values()
        ),
        "mean set size": lambda m: f"{m['conformal']['mean_set_size']:.3f}",
    }
    rows = [[label, *(line(v["metrics"]) for v in variants.values())] for label, line in lines.items()]
    speed = ["rows a second, one thread", *(f"{v['latency']['rows_per_second']:,}" for v in variants.values())]
    one = ["one row (ms)", *(f"{v['latency']['one_row_ms']:.3f}" for v in variants.values())]
    return markdown(["test split", *map(_name, variants)], [*rows, speed, one])


def _per_class(evaluation: Mapping[str, Any]) -> str:
    rows = [
        [_name(variant), label, *(f"{scores[key]:.4f}" for key in ("precision", "recall", "f1")), f"{scores['rows']:,}"]
        for variant, result in evaluation["variants"].items()
        for label, scores in result["metrics"]["per_class"].items()
    ]
    return markdown(["variant", "class", "precision", "recall", "F1", "objects"], rows)


def _references(evaluation: Mapping[str, Any]) -> str:
    rows = [
        [
            _name(variant),
            reference,
            *(_interval(result["references"][reference][score]) for score in ("accuracy", "macro_f1")),
            *(
                _difference(result["references"][reference]["shipped_minus_this"][score])
                for score in ("accuracy", "macro_f1")
            ),
        ]
        for variant, result in evaluation["variants"].items()
        for reference in ("baseline", "ceiling")
    ]
    return markdown(["variant", "held against", "accuracy", "macro F1", "shipped minus it: accuracy", "macro F1"], rows)


def _learning(evaluation: Mapping[str, Any]) -> str:
    rows = [
        [_name(variant), f"{point['rows']:,}", *(_interval(point[score]) for score in ("accuracy", "macro_f1"))]
        for variant, result in evaluation["variants"].items()
        for point in result["references"]["learning_curve"]
    ]
    return markdown(["variant", "training rows", "accuracy", "macro F1"], rows)


def _in_place(evaluation: Mapping[str, Any]) -> str:
    """The version that this one replaced and this one, on the same objects, without and with the unmeasured."""
    measured = evaluation["in_place"]
    rows = [
        [
            _name(variant),
            version,
            *(_interval(scores[part][score]) for part in ("metrics", "with_unmeasured") for score in COMPARED),
        ]
        for variant in measured["variants"]
        for version, scores in (
            (measured["version"], measured["variants"][variant]),
            ("this one", measured["candidate"][variant]),
        )
    ]
    with_them = f"with the {measured['unmeasured']['rows']}"
    titles = [f"{part}{score}" for part in ("", f"{with_them}: ") for score in ("accuracy", "macro F1")]
    return markdown(["variant", "version", *titles], rows)


def _unmeasured(evaluation: Mapping[str, Any]) -> str:
    measured = evaluation["in_place"]
    found = measured["unmeasured"]
    answers = {
        f"{measured['version']}, redshift 0 taken for one": found["called"]["with_redshift"],
        f"{measured['version']}, photometry alone": found["called"]["photometry_only"],
        "this one, photometry alone": found["called_by_candidate"],
    }
    rows = [[who, *(str(count) for count in counts.values())] for who, counts in answers.items()]
    return markdown(["answers for the objects without a redshift", *found["called_by_candidate"]], rows)


def _comparison(compared: Mapping[str, Any]) -> str:
    rows = [
        [
            _name(variant),
            family,
            *(_interval(scores[score]) for score in ("accuracy", "macro_f1")),
            f"{scores['log_loss']:.4f}",
            f"{scores['rows_per_second']:,}",
        ]
        for variant, families in compared["variants"].items()
        for family, scores in families.items()
    ]
    return markdown(["variant", "model", "accuracy", "macro F1", "log loss", "rows a second"], rows)


def _features(ablated: Mapping[str, Any]) -> str:
    rows = [
        [
            _name(variant),
            name,
            str(scores["columns"]),
            *(f"{scores[key]:.5f}" for key in ("log_loss", "accuracy", "macro_f1")),
        ]
        for variant, sets in ablated["variants"].items()
        for name, scores in sets.items()
    ]
    return markdown(["variant", "features", "columns", "log loss", "accuracy", "macro F1"], rows)


def _tuning(tuned: Mapping[str, Any]) -> str:
    rows = [
        [
            _name(variant),
            which,
            str(sum(search["trials"].values())),
            *(f"{search[which][key]:.5f}" for key in ("log_loss", "accuracy", "macro_f1")),
        ]
        for variant, search in tuned.items()
        for which in ("untuned", "best")
    ]
    return markdown(["variant", "trial", "trials in all", "log loss", "accuracy", "macro F1"], rows)


# Which file a table is made from, which command writes that file, and what makes the table.
TABLES: Final[Mapping[str, tuple[str, str, Callable[[Mapping[str, Any]], str]]]] = {
    "scores": ("evaluation.json", "evaluate", _scores),
    "per_class": ("evaluation.json", "evaluate", _per_class),
    "references": ("evaluation.json", "evaluate", _references),
    "learning": ("evaluation.json", "evaluate", _learning),
    "in_place": ("evaluation.json", "evaluate", _in_place),
    "unmeasured": ("evaluation.json", "evaluate", _unmeasured),
    "comparison": ("comparison.json", "explore", _comparison),
    "features": ("features.json", "explore", _features),
    "tuning": ("tuning.json", "tune", _tuning),
}
