"""What was answered, as metrics: how many of each label, how sure, how many items were refused, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from skysort.metric_names import CONFIDENCE, ITEMS_REFUSED, MOST_LABELS, label_metric
from skysort.observability import logger, metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def label_counts(counts: Mapping[str, int], labels: Sequence[str]) -> dict[str, int]:
    """Metrics of how often each label was the answer; none for a model with more than 20 labels."""
    if len(labels) > MOST_LABELS:
        return {}
    return {label_metric(label): count for label, count in counts.items() if count}


def count_answers(results: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
    """Count a request's answers, as they were given: among the labels that the caller chose, from the cache or not.

    results: of one answer, each with predictions, best first, or an error. labels: the model's.
    """
    best = [result["predictions"][0] for result in results if "error" not in result]
    if len(best) < len(results):
        _count_refused([result["error"] for result in results if "error" in result])
    if not best:
        return
    metrics.add_metric(CONFIDENCE, MetricUnit.NoUnit, sum(found["probability"] for found in best) / len(best))
    for name, count in label_counts(Counter(found["label"] for found in best), labels).items():
        metrics.add_metric(name, MetricUnit.Count, count)


def _count_refused(problems: Sequence[Mapping[str, Any]]) -> None:
    """Count bad items, and log a line for each kind of problem, with one of them as the example."""
    metrics.add_metric(ITEMS_REFUSED, MetricUnit.Count, len(problems))
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        kinds.setdefault(problem["type"], []).append(problem["detail"])
    for kind, details in kinds.items():
        logger.info("items refused", extra={"problem": kind, "items": len(details), "detail": details[0][:500]})
