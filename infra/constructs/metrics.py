"""The metrics that dashboard and alarms read, by the names under which AWS and the functions publish them.

Names of functions, queues and API are those of the stage, so that what is drawn needs no reference to a resource.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw

from infra.constructs.function import LIVE
from skysort import METRICS_NAMESPACE
from skysort.metric_names import COLD_START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.stage import AwsStage, DropQueue

PERIOD: Final = Duration.minutes(5)
# Metrics that are published only when something happened.
SUM: Final = "Sum"
MAXIMUM: Final = "Maximum"


def metric(
    namespace: str, name: str, dimensions: Mapping[str, str], statistic: str, label: str | None = None
) -> cw.Metric:
    """One metric, in steps of five minutes unless a widget or an alarm says otherwise."""
    return cw.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        label=label or name,
        period=PERIOD,
    )


@dataclass(frozen=True, slots=True)
class FunctionMetrics:
    """Metrics of one function of a stage.

    name: the stage's, e.g. star-drop. deployed: its name in AWS.
    """

    name: str
    deployed: str

    @classmethod
    def of(cls, stage: AwsStage, name: str) -> FunctionMetrics:
        """The metrics of a stage's function."""
        return cls(name, stage.function_name(name))

    def whole(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """What Lambda publishes of the function, whatever version ran."""
        return metric("AWS/Lambda", name, {"FunctionName": self.deployed}, statistic, label)

    def live(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """What Lambda publishes of the live alias: provisioned concurrency is told of there only."""
        dimensions = {"FunctionName": self.deployed, "Resource": f"{self.deployed}:{LIVE}"}
        return metric("AWS/Lambda", name, dimensions, statistic, label)

    def own(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """What the function itself counts, in the embedded metric format."""
        return metric(METRICS_NAMESPACE, name, {"service": self.deployed}, statistic, label)

    def cold_starts(self) -> cw.Metric:
        """Sandboxes that served their first request."""
        dimensions = {"function_name": self.deployed, "service": self.deployed}
        return metric(METRICS_NAMESPACE, COLD_START, dimensions, SUM, f"{self.name} cold starts")


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Metrics of one model's drop queue."""

    settings: DropQueue

    @property
    def model(self) -> str:
        """The model whose files it tells of."""
        return self.settings.model.name

    def waiting(self) -> cw.Metric:
        """Messages that wait for the function."""
        return self._of(self.settings.queue, "ApproximateNumberOfMessagesVisible", f"{self.model} waiting")

    def working(self) -> cw.Metric:
        """Messages that the function is at."""
        return self._of(self.settings.queue, "ApproximateNumberOfMessagesNotVisible", f"{self.model} in work")

    def age(self) -> cw.Metric:
        """How long the oldest message has waited, seconds."""
        return self._of(self.settings.queue, "ApproximateAgeOfOldestMessage", f"{self.model} oldest")

    def dead(self) -> cw.Metric:
        """Messages in the dead-letter queue."""
        name = self.settings.dead_letter_queue
        return self._of(name, "ApproximateNumberOfMessagesVisible", f"{self.model} dead letters")

    def _of(self, queue: str, name: str, label: str) -> cw.Metric:
        return metric("AWS/SQS", name, {"QueueName": queue}, MAXIMUM, label)


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """Metrics of the HTTP API. name, stage: as API Gateway has them."""

    name: str
    stage: str

    def of(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """What API Gateway publishes of the whole API."""
        return metric("AWS/ApiGateway", name, {"ApiName": self.name, "Stage": self.stage}, statistic, label)
