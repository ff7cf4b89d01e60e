"""What each panel of the dashboard draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw

from infra import ROOT
from infra.constructs.costs import HOUR, whole_cost
from infra.constructs.metrics import MAXIMUM
from infra.stages.functions import Provisioned
from skysort.card import load_card
from skysort.metric_names import MOST_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.constructs.metrics import ApiMetrics, FunctionMetrics, QueueMetrics
    from infra.stages.stage import Stage

_HEIGHT: Final = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph.

    left, right: metrics of the two axes; unit, right_unit: what those count. most: the left axis' end.
    mark: a line across at this value, with its meaning.
    """

    title: str
    left: Sequence[cw.IMetric]
    right: Sequence[cw.IMetric] = ()
    unit: str = ""
    right_unit: str = ""
    most: float | None = None
    stacked: bool = False
    period: Duration | None = None
    mark: tuple[float, str] | None = None

    def widget(self, width: int) -> cw.GraphWidget:
        """The panel as a widget, width in columns of 24."""
        marks = [cw.HorizontalAnnotation(value=self.mark[0], label=self.mark[1])] if self.mark else None
        return cw.GraphWidget(
            title=self.title,
            width=width,
            height=_HEIGHT,
            left=list(self.left),
            right=list(self.right),
            left_y_axis=cw.YAxisProps(min=0, max=self.most, label=self.unit, show_units=False),
            right_y_axis=cw.YAxisProps(min=0, label=self.right_unit, show_units=False),
            left_annotations=marks,
            stacked=self.stacked,
            period=self.period,
        )


def api_panels(api: ApiMetrics) -> list[Panel]:
    """What callers of the HTTP API see, the gateway's own answers included."""
    latency: list[cw.IMetric] = [api.of("Latency", statistic, statistic) for statistic in ("p50", "p90", "p99")]
    own: list[cw.IMetric] = [api.of("IntegrationLatency", "p50", "p50 of the function alone")]
    return [
        Panel("Requests", [api.of("Count", label="requests")]),
        Panel("Errors", [api.of("5XXError", label="5xx"), api.of("4XXError", label="4xx")]),
        Panel("Latency", [*latency, *own], unit="ms"),
    ]


def calls_panel(seen: FunctionMetrics) -> Panel:
    """Calls of a function, and what went wrong."""
    return Panel(seen.name, seen.failures(), seen.calls(), "wrong", "calls")


def latency_panel(seen: FunctionMetrics, stage: Stage) -> Panel:
    """How long a function took, and where its alarm stands."""
    alarms = stage.operations.alarms
    limit = alarms.p99_ms.get(seen.name) if alarms else None
    return Panel(seen.name, seen.percentiles(), unit="ms", mark=(limit, "alarm on p99") if limit else None)


def sandbox_panels(stage: Stage, every: Sequence[FunctionMetrics]) -> list[Panel]:
    """Cold starts, how many run at once, and how provisioned concurrency fares where there is some."""
    panels = [
        Panel("Cold starts", [seen.cold_starts() for seen in every], stacked=True),
        Panel("Running at once", [seen.whole("ConcurrentExecutions", MAXIMUM, seen.name) for seen in every]),
    ]
    kept = [seen for seen in every if isinstance(stage.functions[seen.name].warm, Provisioned)]
    if kept:
        busy = [seen.live("ProvisionedConcurrencyUtilization", MAXIMUM, seen.name) for seen in kept]
        spilled = [seen.live("ProvisionedConcurrencySpilloverInvocations", label=seen.name) for seen in kept]
        panels += [
            Panel("Kept-warm sandboxes: busy share", busy, most=1),
            Panel("Kept-warm sandboxes: calls that found none free", spilled, stacked=True),
        ]
    return panels


def drop_panels(stage: Stage, queues: Sequence[QueueMetrics], drops: Sequence[FunctionMetrics]) -> list[Panel]:
    """How the drop folder keeps up: files waiting, how long, done, and dead."""
    alarms = stage.operations.alarms
    limit = (alarms.queue_age_s, "alarm") if alarms else None
    done: list[cw.IMetric] = [seen.own("Files", label=f"{seen.name} files") for seen in drops]
    refused: list[cw.IMetric] = [seen.own("FilesRefused", label=f"{seen.name} refused") for seen in drops]
    again: list[cw.IMetric] = [seen.own("FilesFailed", label=f"{seen.name} to be tried again") for seen in drops]
    return [
        Panel("Files waiting and in work", [m for queue in queues for m in (queue.waiting(), queue.working())]),
        Panel("The oldest file's wait", [queue.age() for queue in queues], unit="s", mark=limit),
        Panel("Files done", done, [*refused, *again], "done", "wrong"),
        Panel("Dead letters", [queue.dead() for queue in queues]),
    ]


def answer_panels(models: Sequence[tuple[FunctionMetrics, FunctionMetrics]]) -> list[Panel]:
    """What was answered: how sure, and the mix of classes of models that have few enough to count each.

    models: of each the function that answers HTTP and the one of its drop folder.
    """
    panels = [Panel("Mean confidence of HTTP answers", [http.confidence() for http, _ in models], most=1)]
    for http, drop in models:
        labels = load_card(ROOT / "functions" / http.name / "model").labels
        if len(labels) <= MOST_LABELS:
            panels += [
                Panel(f"{http.name}: classes over HTTP", [http.label(label) for label in labels], stacked=True),
                Panel(f"{http.name}: classes of dropped files", [drop.label(label) for label in labels], stacked=True),
            ]
    return panels


def cost_panels(stage: Stage, api: ApiMetrics) -> list[Panel]:
    """Dollars an hour, by part and together."""
    whole, parts = whole_cost(stage, api)
    unit = "USD an hour"
    return [
        Panel("By part", parts, unit=unit, stacked=True, period=HOUR),
        Panel("Together", [whole], unit=unit, period=HOUR),
    ]
