"""Structured logs and metrics: one logger and one metrics object per process, shared by all modules."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from skysort import METRICS_NAMESPACE
from skysort.metric_names import CONFIDENCE, ITEMS_REFUSED, MAX_LABELS, label_metric
from skysort.settings import SERVICE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.answers import FailedResult, PictureResult, Problem, StarResult

# The service's name is the function's; every stage sets it.
_service = os.environ.get(SERVICE_NAME, METRICS_NAMESPACE)
logger: Final = Logger(service=_service)
metrics: Final = Metrics(namespace=METRICS_NAMESPACE, service=_service)

# Logs of the domain, which does not use Powertools (skysort.guard), are written by the function's logger.
_DOMAIN: Final = logging.getLogger("skysort")
if logger.name != _DOMAIN.name:
    copy_config_to_registered_loggers(logger, include={_DOMAIN.name})


class Start:
    """A stopwatch, started after a function's imports."""

    def __init__(self) -> None:
        self._imports_ms = process_age_ms()
        self._started = perf_counter()

    def done(self) -> None:
        """Log the duration of the imports, from the process's start, and of everything since."""
        loading_ms = (perf_counter() - self._started) * 1e3
        imports = {} if self._imports_ms is None else {"imports_ms": round(self._imports_ms)}
        logger.info("started", extra={**imports, "model_ms": round(loading_ms)})


def process_age_ms() -> float | None:
    """The age of this process, to 10 ms (proc(5): field 22 of stat, uptime); None if unknown."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    return (uptime - int(after_name[19]) / os.sysconf("SC_CLK_TCK")) * 1e3


def label_counts(counts: Mapping[str, int], labels: Sequence[str]) -> dict[str, int]:
    """Metrics of how often each label was predicted; none for a model with more than MAX_LABELS, or no labels."""
    if not labels or len(labels) > MAX_LABELS:
        return {}
    return {label_metric(label): count for label, count in counts.items() if count}


def count_answers(results: Sequence[StarResult | PictureResult | FailedResult], labels: Sequence[str]) -> None:
    """Count the results of one answer, as the caller gets them: with the chosen labels, cached or not.

    results: each with predictions, best first, or an error. labels: the model's; none for a trained model, whose
    labels would be metrics without end.
    """
    best = [result["predictions"][0] for result in results if "error" not in result]
    if len(best) < len(results):
        _count_refused([result["error"] for result in results if "error" in result])
    if not best:
        return
    metrics.add_metric(CONFIDENCE, MetricUnit.NoUnit, sum(prediction["probability"] for prediction in best) / len(best))
    for name, count in label_counts(Counter(prediction["label"] for prediction in best), labels).items():
        metrics.add_metric(name, MetricUnit.Count, count)


def _count_refused(problems: Sequence[Problem]) -> None:
    """Count failed items, and log a line per type of problem, with an example."""
    metrics.add_metric(ITEMS_REFUSED, MetricUnit.Count, len(problems))
    details_by_type: dict[str, list[str]] = {}
    for problem in problems:
        details_by_type.setdefault(problem["type"], []).append(problem["detail"])
    for problem_type, details in details_by_type.items():
        logger.info("items refused", extra={"problem": problem_type, "items": len(details), "detail": details[0][:500]})
