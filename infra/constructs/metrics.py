"""Metrics of dashboard and alarms, by the names under which AWS and the functions publish them.

They use the stage's names of functions, queues and API instead of references to resources.
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

    from infra.stages.queues import DropQueue
    from infra.stages.stage import AwsStage

PERIOD: Final = Duration.minutes(5)
# Metrics that are published only when something happened.
SUM: Final = "Sum"
MAXIMUM: Final = "Maximum"


def metric(
    namespace: str, name: str, dimensions: Mapping[str, str], statistic: str, label: str | None = None
) -> cw.Metric:
    """A metric with a period of five minutes unless overridden."""
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
    """Metrics of a function of a stage.

    name: in the stage, e.g. star-drop. deployed: in AWS.
    """

    name: str
    deployed: str

    @classmethod
    def of(cls, stage: AwsStage, name: str) -> FunctionMetrics:
        """The metrics of a function by its name in the stage."""
        return cls(name, stage.function_name(name))

    def lambda_metric(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """A metric published by Lambda for all versions of the function."""
        return metric("AWS/Lambda", name, {"FunctionName": self.deployed}, statistic, label)

    def live(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """A metric published by Lambda for the live alias, as those of provisioned concurrency are."""
        dimensions = {"FunctionName": self.deployed, "Resource": f"{self.deployed}:{LIVE}"}
        return metric("AWS/Lambda", name, dimensions, statistic, label)

    def custom(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """A metric published by the function itself, in the embedded metric format."""
        return metric(METRICS_NAMESPACE, name, {"service": self.deployed}, statistic, label)

    def cold_starts(self) -> cw.Metric:
        """The number of cold starts."""
        dimensions = {"function_name": self.deployed, "service": self.deployed}
        return metric(METRICS_NAMESPACE, COLD_START, dimensions, SUM, f"{self.name} cold starts")


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Metrics of a model's drop queue."""

    settings: DropQueue

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.settings.model.name

    def waiting(self) -> cw.Metric:
        """Messages waiting in the queue."""
        return self._of(self.settings.queue, "ApproximateNumberOfMessagesVisible", f"{self.model} waiting")

    def working(self) -> cw.Metric:
        """Messages being processed."""
        return self._of(self.settings.queue, "ApproximateNumberOfMessagesNotVisible", f"{self.model} in work")

    def age(self) -> cw.Metric:
        """Age of the oldest message in seconds."""
        return self._of(self.settings.queue, "ApproximateAgeOfOldestMessage", f"{self.model} oldest")

    def dead(self) -> cw.Metric:
        """Messages in the dead-letter queue."""
        name = self.settings.dead_letter_queue
        return self._of(name, "ApproximateNumberOfMessagesVisible", f"{self.model} dead letters")

    def _of(self, queue: str, name: str, label: str) -> cw.Metric:
        return metric("AWS/SQS", name, {"QueueName": queue}, MAXIMUM, label)


@dataclass(frozen=True, slots=True)
class ExecutionMetrics:
    """Metrics of a state machine's executions.

    machine: its ARN. dead_letters: the queue of requests that started no execution.
    """

    machine: str
    dead_letters: str

    def executions(self, what: str, label: str | None = None) -> cw.Metric:
        """The number of executions that started, succeeded, failed or timed out."""
        return self._of(f"Executions{what}", SUM, label)

    def duration(self, statistic: str) -> cw.Metric:
        """Milliseconds of executions, from start to end."""
        return self._of("ExecutionTime", statistic, statistic)

    def dead(self) -> cw.Metric:
        """Requests that started no execution."""
        name = "ApproximateNumberOfMessagesVisible"
        return metric("AWS/SQS", name, {"QueueName": self.dead_letters}, MAXIMUM, "requests that started nothing")

    def _of(self, name: str, statistic: str, label: str | None = None) -> cw.Metric:
        return metric("AWS/States", name, {"StateMachineArn": self.machine}, statistic, label)


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """Metrics of the HTTP API. name, stage: in API Gateway."""

    name: str
    stage: str

    def of(self, name: str, statistic: str = SUM, label: str | None = None) -> cw.Metric:
        """A metric published by API Gateway for the whole API."""
        return metric("AWS/ApiGateway", name, {"ApiName": self.name, "Stage": self.stage}, statistic, label)
