"""The card of a version of a trained model, small and whole."""

from __future__ import annotations

from typing import Any, Final

CREATED: Final = "2026-11-28T08:45:00Z"


def score(value: float, spread: float = 0.04) -> dict[str, float]:
    return {"value": value, "low": round(value - spread, 4), "high": round(min(1, value + spread), 4)}


def comparison(difference: float) -> dict[str, Any]:
    """Of a version with the live one."""
    verdict = "worse" if difference < 0 else "not-worse"
    return {
        "verdict": verdict,
        "examples": 40,
        "difference": score(difference),
        "sentence": f"On the 40 examples that both held out: it is {verdict.replace('-', ' ')}.",
    }


def card(name: str, labels: list[str], training: str, accuracy: float) -> dict[str, Any]:
    """A card of a version, small and whole."""
    per_class = {label: {"precision": accuracy, "recall": accuracy, "f1": accuracy, "rows": 20} for label in labels}
    matrix = [[18 if row == column else 2 for column in range(len(labels))] for row in range(len(labels))]
    return {
        "name": name,
        "kind": "pictures",
        "created": CREATED,
        "training": training,
        "labels": labels,
        "architecture": "multinomial logistic regression on features of two networks",
        "metrics": {
            "examples": 20 * len(labels),
            "split": "out-of-fold, repeated stratified 5-fold",
            "accuracy": score(accuracy),
            "balanced_accuracy": score(accuracy - 0.01),
            "macro_f1": score(accuracy - 0.02),
            "ece": 0.031,
            "per_class": per_class,
            "confusion_matrix": matrix,
            "reliability": [
                {"count": 12, "confidence": 0.62, "accuracy": 0.58},
                {"count": 28, "confidence": 0.93, "accuracy": 0.95},
            ],
            "coverage": score(0.91),
        },
        "learning_curve": [
            {"examples": 10, "accuracy": score(0.71, 0.09)},
            {"examples": 20, "accuracy": score(0.82, 0.06)},
        ],
        "forecast": {
            "examples": 90,
            "accuracy": {"value": accuracy + 0.03, "low": accuracy + 0.01, "high": accuracy + 0.05},
        },
        "hyperparameters": {
            "candidate": "ridge, joined",
            "features": "galaxy + image",
            "views": "flips",
            "regularisation": 0.03,
            "tried": [
                {"candidate": "ridge, joined", "accuracy": accuracy},
                {"candidate": "logistic, image", "accuracy": accuracy - 0.04},
            ],
        },
        "training_data": {
            "files": 20 * len(labels),
            "classes": dict.fromkeys(labels, 20),
            "sha256": "0" * 64,
            "duplicates": {"count": 1, "files": [{"file": "a.jpg", "reason": "the same picture as b.jpg"}]},
            "conflicting": {"count": 0, "files": []},
            "unreadable": {"count": 0, "files": []},
        },
        "limitations": ["Few examples: the intervals are wide."],
    }


def star_card(name: str, labels: list[str], training: str, accuracy: float) -> dict[str, Any]:
    """A card of a star model with bands and a column of its own."""
    made = card(name, labels, training, accuracy)
    metrics = {**made.pop("metrics"), "coverage": {"wanted": 0.9, "value": 0.92, "mean_set_size": 1.1}}
    columns = {
        "w1": {"unit": "mag", "range": [-10.0, 45.0], "required": True},
        "w2": {"unit": "mag", "range": [-10.0, 45.0], "required": True},
        "parallax": {"unit": "", "range": [-1e30, 1e30], "required": False},
    }
    parameters = {"max_depth": 6, "rounds": 120}
    return {
        **made,
        "kind": "star",
        "input": {"columns": columns},
        "metrics": metrics,
        "variants": {"photometry_only": {"metrics": metrics, "parameters": parameters}},
        "hyperparameters": {"photometry_only": {"parameters": parameters, "tried": [{**parameters, "log_loss": 0.2}]}},
        "forecast": None,
        "training_data": {"rows": 600, "used": 590, "classes": dict.fromkeys(labels, 295), "class_column": "type"},
    }
