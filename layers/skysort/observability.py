"""Structured logs and metrics: one of each a process, shared by every module of a function."""

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

# What the domain logs, which knows no Powertools (skysort.guard), comes out among the function's own lines.
_DOMAIN: Final = logging.getLogger("skysort")
if logger.name != _DOMAIN.name:
    copy_config_to_registered_loggers(logger, include={_DOMAIN.name})


class Start:
    """A stopwatch, begun when a function's imports are done."""

    def __init__(self) -> None:
        self._imports_ms = process_age_ms()
        self._begun = perf_counter()

    def done(self) -> None:
        """Log how long the imports took, counted from the process's start, and how long everything since."""
        loading_ms = (perf_counter() - self._begun) * 1e3
        imports = {} if self._imports_ms is None else {"imports_ms": round(self._imports_ms)}
        logger.info("started", extra={**imports, "model_ms": round(loading_ms)})


def process_age_ms() -> float | None:
    """How long this process has lived, to 10 ms (proc(5): field 22 of stat, uptime); None where that is not known."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    return (uptime - int(after_name[19]) / os.sysconf("SC_CLK_TCK")) * 1e3


def label_counts(counts: Mapping[str, int], labels: Sequence[str]) -> dict[str, int]:
    """Metrics of how often each label was the answer; none for a model with more than 20 labels."""
    if len(labels) > MAX_LABELS:
        return {}
    return {label_metric(label): count for label, count in counts.items() if count}


def count_answers(results: Sequence[StarResult | PictureResult | FailedResult], labels: Sequence[str]) -> None:
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


def _count_refused(problems: Sequence[Problem]) -> None:
    """Count bad items, and log a line for each kind of problem, with one of them as the example."""
    metrics.add_metric(ITEMS_REFUSED, MetricUnit.Count, len(problems))
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        kinds.setdefault(problem["type"], []).append(problem["detail"])
    for kind, details in kinds.items():
        logger.info("items refused", extra={"problem": kind, "items": len(details), "detail": details[0][:500]})
