"""Class mix and confidence, as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort import observability as mix
from skysort.metric_names import MAX_LABELS
from skysort.observability import metrics

if TYPE_CHECKING:
    from skysort.answers import FailedResult, Prediction, Problem, StarResult

LABELS = ("GALAXY", "QSO", "STAR")


def answered(label: str, probability: float) -> StarResult:
    best: Prediction = {"label": label, "class_id": 0, "probability": probability}
    other: Prediction = {"label": "other", "class_id": 1, "probability": 0.0}
    return {
        "id": "x",
        "predictions": [best, other],
        "prediction_set": [],
        "variant": "with_redshift",
        "cached": False,
    }


def refused(kind: str, detail: str) -> FailedResult:
    problem: Problem = {"type": f"urn:skysort:problem:{kind}", "title": "Refused", "status": 422, "detail": detail}
    return {"id": "y", "error": problem}


REFUSED = refused("invalid-fields", "u: is missing")
DAMAGED = refused("damaged", "cut short")


pytestmark = pytest.mark.usefixtures("own_metrics")


def counted() -> dict[str, list[float]]:
    return {name: metric["Value"] for name, metric in metrics.metric_set.items()}


def test_each_best_label_is_counted_and_their_mean_probability_kept() -> None:
    mix.count_answers([answered("STAR", 0.9), answered("STAR", 0.7), answered("QSO", 0.5)], LABELS)
    assert counted() == {"Confidence": [pytest.approx(0.7)], "Label: STAR": [2.0], "Label: QSO": [1.0]}


def test_bad_items_are_counted_beside_the_good_ones() -> None:
    mix.count_answers([answered("STAR", 1.0), REFUSED, REFUSED], LABELS)
    assert counted()["ItemsRefused"] == [2.0]
    assert counted()["Label: STAR"] == [1.0]


def test_why_items_were_refused_is_logged_once_a_kind(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    mix.count_answers([REFUSED, answered("STAR", 1.0), DAMAGED, REFUSED], LABELS)
    logged = [vars(record) for record in caplog.records if record.message == "items refused"]
    assert [(line["problem"].rpartition(":")[2], line["items"], line["detail"]) for line in logged] == [
        ("invalid-fields", 2, "u: is missing"),
        ("damaged", 1, "cut short"),
    ]


def test_a_request_without_a_good_item_has_no_confidence() -> None:
    mix.count_answers([REFUSED], LABELS)
    assert counted() == {"ItemsRefused": [1.0]}


def test_a_model_of_many_labels_has_a_confidence_and_no_metric_a_label() -> None:
    labels = [f"label {number}" for number in range(MAX_LABELS + 1)]
    mix.count_answers([answered("label 3", 0.25)], labels)
    assert counted() == {"Confidence": [0.25]}
    assert mix.label_counts({"label 3": 1}, labels) == {}


def test_labels_that_were_not_answered_are_no_metric() -> None:
    assert mix.label_counts({"STAR": 2, "QSO": 0}, LABELS) == {"Label: STAR": 2}
