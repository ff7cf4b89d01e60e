"""The tables of README.md, from the committed results."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from model_export.common import readme
from model_export.common.readme import Readme, markdown
from model_export.star.texts import edges
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Document = Mapping[str, Any]

COMPARED: Final = ("accuracy", "macro_f1")
COUNTED: Final = ("metrics", "with_unmeasured")  # without and with the objects that have no redshift
DECIMALS: Final = ("log_loss", "accuracy", "macro_f1")
interval: Final = partial(readme.interval, digits=4)
_difference: Final = partial(readme.difference, digits=4)


def _name(variant: str) -> str:
    return f"`{variant}`"


def _compared(scores: Document) -> list[str]:
    return [interval(scores[score]) for score in COMPARED]


def _coverage(label: str, scores: Document) -> str:
    return interval(scores["conformal"]["coverage_by_class"][label])


def _scores(evaluation: Document) -> str:
    variants = evaluation["variants"]
    lines: dict[str, Callable[[Document], str]] = {
        "accuracy": lambda m: interval(m["accuracy"]),
        "balanced accuracy": lambda m: interval(m["balanced_accuracy"]),
        "macro F1": lambda m: interval(m["macro_f1"]),
        "ECE before temperature scaling": lambda m: f"{m['ece_before']:.4f}",
        "ECE after": lambda m: f"{m['ece_after']:.4f}",
        "coverage of the 90 % sets": lambda m: f"{m['conformal']['coverage']:.4f}",
        **{f"coverage, {label}": partial(_coverage, label) for label in LABELS},
        "mean set size": lambda m: f"{m['conformal']['mean_set_size']:.3f}",
        "empty sets": lambda m: f"{100 * m['conformal']['empty']:.1f} %",
    }
    rows = [[label, *(line(v["metrics"]) for v in variants.values())] for label, line in lines.items()]
    speed = ["rows per second, one thread", *(f"{v['latency']['rows_per_second']:,}" for v in variants.values())]
    latency = ["one row (ms)", *(f"{v['latency']['one_row_ms']:.3f}" for v in variants.values())]
    return markdown(["test split", *map(_name, variants)], [*rows, speed, latency])


def _ranges(quantity: str, evaluation: Document) -> str:
    """Accuracy in ranges of r or redshift, of all objects and of each class."""
    variants = evaluation["variants"]
    rows = []
    for variant, result in variants.items():
        for found in result["metrics"]["by_range"][quantity]:
            recalls = [readme.interval(found["recall"][label]) if label in found["recall"] else "" for label in LABELS]
            rows.append(
                [_name(variant), edges(found), f"{found['rows']:,}", readme.interval(found["accuracy"]), *recalls]
            )
    return markdown(["variant", quantity, "objects", "accuracy", *(f"{label} found" for label in LABELS)], rows)


def _training_range(evaluation: Document) -> str:
    found = evaluation["training_range"]
    return markdown(list(found), [[f"{low:.2f} to {high:.2f}" for low, high in found.values()]])


def _other_magnitudes(evaluation: Document) -> str:
    variants = evaluation["variants"].values()
    kinds = {"as SDSS catalogues them": [interval(result["metrics"]["accuracy"]) for result in variants]}
    for kind in next(iter(variants))["metrics"]["on_other_magnitudes"]:
        kinds[kind] = [interval(result["metrics"]["on_other_magnitudes"][kind]) for result in variants]
    rows = [[kind, *scores] for kind, scores in kinds.items()]
    return markdown(["accuracy on magnitudes that are", *map(_name, evaluation["variants"])], rows)


def _typicality(measured: Document) -> str:
    """Good rows that are flagged, and rows that no object can have."""
    kinds = {name: ("good", name) for name in ("flagged", *LABELS)}
    variants = measured["rows"]
    kinds |= {name: ("impossible", name) for name in next(iter(variants.values()))["impossible"]}
    rows = [
        [
            {"flagged": "good rows", "impossible": name}.get(name, f"good rows, {name}" if part == "good" else name),
            *(interval(each[part][name]) for each in variants.values()),
        ]
        for name, (part, _) in ((name, place) for name, place in kinds.items())
    ]
    return markdown(["share flagged of", *map(_name, variants)], rows)


def _tables(measured: Document) -> str:
    tables = measured["tables"]
    rows = [[f"good: {name.replace('_', ' ')}", interval(found), ""] for name, found in tables["good"].items()]
    rows += [
        [name, interval(found["flagged"]), interval(found["cause_right_of_flagged"])]
        for name, found in tables["spoilt"].items()
    ]
    return markdown(["tables of 200 rows", "share flagged", "cause right"], rows)


def _per_class(evaluation: Document) -> str:
    rows = [
        [_name(variant), label, *(f"{scores[key]:.4f}" for key in ("precision", "recall", "f1")), f"{scores['rows']:,}"]
        for variant, result in evaluation["variants"].items()
        for label, scores in result["metrics"]["per_class"].items()
    ]
    return markdown(["variant", "class", "precision", "recall", "F1", "objects"], rows)


def _references(evaluation: Document) -> str:
    rows = [
        [
            *(_name(variant), reference, *_compared(scores)),
            *(_difference(scores["shipped_minus_this"][score]) for score in COMPARED),
        ]
        for variant, result in evaluation["variants"].items()
        for reference, scores in result["references"].items()
        if reference != "learning_curve"
    ]
    difference = ["shipped - reference: accuracy", "macro F1"]
    return markdown(["variant", "reference", "accuracy", "macro F1", *difference], rows)


def _learning(evaluation: Document) -> str:
    rows = [
        [_name(variant), f"{point['rows']:,}", *_compared(point)]
        for variant, result in evaluation["variants"].items()
        for point in result["references"]["learning_curve"]
    ]
    return markdown(["variant", "training rows", "accuracy", "macro F1"], rows)


def _in_place(evaluation: Document) -> str:
    """The replaced and the current version on the same objects, without and with those lacking a redshift."""
    measured = evaluation["in_place"]
    rows = [
        [_name(variant), version, *(text for part in COUNTED for text in _compared(scores[variant][part]))]
        for variant in measured["variants"]
        for version, scores in ((measured["version"], measured["variants"]), ("current", measured["candidate"]))
    ]
    with_them = f"with the {measured['unmeasured']['rows']}"
    titles = [f"{part}{score}" for part in ("", f"{with_them}: ") for score in ("accuracy", "macro F1")]
    return markdown(["variant", "version", *titles], rows)


def _unmeasured(evaluation: Document) -> str:
    version, counts = evaluation["in_place"]["version"], evaluation["in_place"]["unmeasured"]
    answers = {
        f"{version}, redshift 0 accepted": counts["called"]["with_redshift"],
        f"{version}, photometry alone": counts["called"]["photometry_only"],
        "current, photometry alone": counts["called_by_candidate"],
    }
    rows = [[who, *map(str, row.values())] for who, row in answers.items()]
    return markdown(["predictions for objects without a redshift", *counts["called_by_candidate"]], rows)


def _comparison(compared: Document) -> str:
    rows = [
        [_name(variant), family, *_compared(scores), f"{scores['log_loss']:.4f}", f"{scores['rows_per_second']:,}"]
        for variant, families in compared["variants"].items()
        for family, scores in families.items()
    ]
    return markdown(["variant", "model", "accuracy", "macro F1", "log loss", "rows per second"], rows)


def _features(ablated: Document) -> str:
    rows = [
        [_name(variant), name, str(scores["columns"]), *(f"{scores[key]:.5f}" for key in DECIMALS)]
        for variant, sets in ablated["variants"].items()
        for name, scores in sets.items()
    ]
    return markdown(["variant", "features", "columns", "log loss", "accuracy", "macro F1"], rows)


def _priors(typicality: Document) -> str:
    """Quasars at one to 1,000 other objects, by the shares that probabilities were re-weighted by."""
    names = {"unadjusted": "as trained", "given": "the table's", "estimated": "estimated from the table"}
    rows = [
        [
            _name(variant),
            shown,
            *(interval(result["rare_quasars"][name][score]) for score in ("purity", "completeness")),
        ]
        for variant, result in typicality["prior"].items()
        for name, shown in names.items()
    ]
    return markdown(["variant", "class shares", "purity of QSO", "completeness of QSO"], rows)


def _coverage_at_priors(typicality: Document) -> str:
    """Coverage of the sets' thresholds without and with re-weighting."""
    names = {"unadjusted": "as they are", "reweighted": "re-weighted"}
    rows = [
        [_name(variant), shown, *(f"{result['coverage_of_thresholds'][name][label]:.4f}" for label in LABELS)]
        for variant, result in typicality["prior"].items()
        for name, shown in names.items()
    ]
    return markdown(["variant", "sets", *LABELS], rows)


def _estimated_shares(typicality: Document) -> str:
    """How good estimated shares are, by the number of rows, over all mixes of classes."""
    rows = []
    for variant, result in typicality["prior"].items():
        for size in dict.fromkeys(measured["rows"] for measured in result["shares"]):
            mixes = [measured for measured in result["shares"] if measured["rows"] == size]
            errors = [error for measured in mixes for error in measured["root_mean_square_error"]]
            within = [measured["within_interval"] for measured in mixes]
            shown = (f"{min(values):.3f} to {max(values):.3f}" for values in (errors, within))
            rows.append([_name(variant), f"{size:,}", *shown])
    return markdown(["variant", "rows", "root mean square error", "within the 95 % interval"], rows)


def _tuning(tuned: Document) -> str:
    rows = [
        [_name(variant), which, str(sum(search["trials"].values())), *(f"{search[which][key]:.5f}" for key in DECIMALS)]
        for variant, search in tuned.items()
        for which in ("untuned", "best")
    ]
    return markdown(["variant", "trial", "trials in all", "log loss", "accuracy", "macro F1"], rows)


def _attempts(tried: Document) -> str:
    rows = [
        [
            name,
            "yes" if scores["affordable"] else "no",
            *_compared(scores),
            *(_difference(scores["minus_booster"][score]) for score in ("log_loss", *COMPARED)),
        ]
        for name, scores in tried["attempts"].items()
    ]
    differences = ["attempt - booster: log loss", "accuracy", "macro F1"]
    return markdown(["attempt", "within 1.3 times the cost", "accuracy", "macro F1", *differences], rows)


def _best_attempt(tried: Document) -> str:
    scores = tried["test"]
    return markdown(
        ["on the test split", "log loss", "accuracy", "macro F1", "- booster: accuracy", "macro F1"],
        [
            [
                scores["attempt"],
                f"{scores['log_loss']:.4f}",
                *_compared(scores),
                *(_difference(scores["minus_booster"][score]) for score in COMPARED),
            ]
        ],
    )


PAGE: Final = Readme(
    "star",
    {
        "scores": ("evaluation.json", "evaluate", _scores),
        "per_class": ("evaluation.json", "evaluate", _per_class),
        "references": ("evaluation.json", "evaluate", _references),
        "learning": ("evaluation.json", "evaluate", _learning),
        "in_place": ("evaluation.json", "evaluate", _in_place),
        "unmeasured": ("evaluation.json", "evaluate", _unmeasured),
        "comparison": ("comparison.json", "explore", _comparison),
        "features": ("features.json", "explore", _features),
        "training_range": ("evaluation.json", "evaluate", _training_range),
        "by_r": ("evaluation.json", "evaluate", partial(_ranges, "r")),
        "by_redshift": ("evaluation.json", "evaluate", partial(_ranges, "redshift")),
        "other_magnitudes": ("evaluation.json", "evaluate", _other_magnitudes),
        "typicality": ("typicality.json", "typicality", _typicality),
        "tables": ("typicality.json", "typicality", _tables),
        "attempts": ("attempts.json", "attempts", _attempts),
        "best_attempt": ("attempts.json", "attempts", _best_attempt),
        "tuning": ("tuning.json", "tune", _tuning),
        "priors": ("typicality.json", "typicality", _priors),
        "set_coverage": ("typicality.json", "typicality", _coverage_at_priors),
        "estimated_shares": ("typicality.json", "typicality", _estimated_shares),
    },
)
