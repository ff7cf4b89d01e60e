"""The one dashboard of a stage: from what callers see at the top to what it costs at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw
from constructs import Construct

from infra import ROOT
from infra.api.routes import ROUTES
from infra.constructs.metrics import MAXIMUM, SUM, ApiMetrics, FunctionMetrics, QueueMetrics
from infra.stages.functions import Provisioned
from skysort.card import load_card
from skysort.metric_names import CONFIDENCE, FAILED, ITEMS_REFUSED, MAX_LABELS, REFUSED, label_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import AwsStage

HOUR: Final = Duration.hours(1)
_MB_PER_GB: Final = 1_024
_MILLION: Final = 1_000_000


def function_cost(stage: AwsStage, name: str) -> cw.MathExpression:
    """Dollars an hour for one function: its calls, their duration times memory, and sandboxes kept warm."""
    # Lambda's price formula (aws.amazon.com/lambda/pricing); the rates are the stage's. An estimate: without storage,
    # queues, logs, data transfer and the free tier, and blind to Lambda's rounding up to a millisecond.
    prices, settings, seen = stage.operations.prices, stage.functions[name], FunctionMetrics.of(stage, name)
    prefix = name.replace("-", "_")
    gigabytes = settings.memory_mb / _MB_PER_GB
    calls, busy = f"{prefix}_calls", f"{prefix}_ms"
    used: dict[str, cw.IMetric] = {calls: seen.whole("Invocations"), busy: seen.whole("Duration")}
    a_call = _number(prices.million_invocations / _MILLION)
    a_millisecond = _number(gigabytes * prices.gb_second / 1_000)
    # No divisor is ever zero or absent: what is divided by it would be a gap, and so would the sum that it is part of.
    expression = f"FILL({calls},0)*{a_call}+FILL({busy},0)*{a_millisecond}"
    if isinstance(settings.warm, Provisioned):
        at_work, share, inside = f"{prefix}_at_work", f"{prefix}_share", f"{prefix}_inside"
        used |= {
            at_work: seen.live("ProvisionedConcurrentExecutions", MAXIMUM),
            share: seen.live("ProvisionedConcurrencyUtilization", MAXIMUM),
            inside: seen.live("ProvisionedConcurrencyInvocations"),
        }
        # Sandboxes kept warm are not published: busy ones over the busy share are, and the floor while none is busy.
        some = f"FILL({share},0)>0"
        kept = f"IF({some},FILL({at_work},0),{settings.warm.concurrency})/IF({some},FILL({share},0),1)"
        warm = _number(gigabytes * prices.provisioned_gb_second)
        saved = _number(gigabytes * (prices.gb_second - prices.busy_provisioned_gb_second) / 1_000)
        # Time in kept-warm sandboxes has a lower price; it is told from the rest by their share of the calls.
        expression += f"+{kept}*{warm}*PERIOD({busy})"
        every = f"IF(FILL({calls},0)>0,FILL({calls},0),1)"
        expression += f"-FILL({inside},0)/{every}*FILL({busy},0)*{saved}"
    return cw.MathExpression(expression=expression, using_metrics=used, label=name, period=HOUR)


def api_cost(stage: AwsStage, api: ApiMetrics) -> cw.MathExpression:
    """Dollars an hour for API Gateway."""
    rate = _number(stage.operations.prices.million_requests / _MILLION)
    return cw.MathExpression(
        expression=f"FILL(api_requests,0)*{rate}",
        using_metrics={"api_requests": api.of("Count")},
        label="API Gateway",
        period=HOUR,
    )


def whole_cost(stage: AwsStage, api: ApiMetrics) -> tuple[cw.MathExpression, list[cw.MathExpression]]:
    """Dollars an hour for everything, and for each part."""
    parts = {f"cost_{name.replace('-', '_')}": function_cost(stage, name) for name in stage.functions}
    parts["cost_api"] = api_cost(stage, api)
    whole = cw.MathExpression(expression="+".join(parts), using_metrics=dict(parts), label="together", period=HOUR)
    return whole, list(parts.values())


def _number(value: float) -> str:
    """A number as metric math reads it: it has no exponents."""
    return f"{value:.15f}".rstrip("0")


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
    # By whose fault: the function's, the gateway's limit, the caller's.
    wrong = [
        seen.whole("Errors", label="crashed or timed out"),
        seen.own(FAILED, label="answered 5xx"),
        seen.whole("Throttles", label="throttled"),
        seen.own(REFUSED, label="answered 4xx"),
        seen.own(ITEMS_REFUSED, label="bad items among good ones"),
    ]
    return Panel(seen.name, wrong, [seen.whole("Invocations", label="calls")], "wrong", "calls")


def latency_panel(seen: FunctionMetrics, stage: AwsStage) -> Panel:
    """How long a function took, and where its alarm stands."""
    alarms = stage.operations.alarms
    limit = alarms.p99_ms.get(seen.name) if alarms else None
    took = [seen.whole("Duration", statistic, statistic) for statistic in ("p50", "p90", "p99")]
    return Panel(seen.name, took, unit="ms", mark=(limit, "alarm on p99") if limit else None)


def sandbox_panels(stage: AwsStage, every: Sequence[FunctionMetrics]) -> list[Panel]:
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


def drop_panels(stage: AwsStage, queues: Sequence[QueueMetrics], drops: Sequence[FunctionMetrics]) -> list[Panel]:
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
    """What was answered, by the HTTP and the drop function of each model: how sure, and the mix of few classes."""
    sure = [http.own(CONFIDENCE, "Average", http.name) for http, _ in models]
    panels = [Panel("Mean confidence of HTTP answers", sure, most=1)]
    for http, drop in models:
        labels = load_card(ROOT / "functions" / http.name / "model").labels
        if len(labels) <= MAX_LABELS:
            for title, seen in (("classes over HTTP", http), ("classes of dropped files", drop)):
                counted = [seen.own(label_metric(label), SUM, label) for label in labels]
                panels.append(Panel(f"{http.name}: {title}", counted, stacked=True))
    return panels


def cost_panels(stage: AwsStage, api: ApiMetrics) -> list[Panel]:
    """Dollars an hour, by part and together."""
    whole, parts = whole_cost(stage, api)
    unit = "USD an hour"
    return [
        Panel("By part", parts, unit=unit, stacked=True, period=HOUR),
        Panel("Together", [whole], unit=unit, period=HOUR),
    ]


_COLUMNS: Final = 24
_COST: Final = "Cost: Lambda and API Gateway, an estimate without storage, queues, logs, transfer and the free tier"


class ServiceDashboard(Construct):
    """skysort-<stage>: calls, errors and latency a model, sandboxes, drop folder, answers, cost."""

    def __init__(self, scope: Construct, name: str, stage: AwsStage, api: ApiMetrics) -> None:
        super().__init__(scope, name)
        self.dashboard = cw.Dashboard(
            self, "Dashboard", dashboard_name=f"skysort-{stage.name}", default_interval=Duration.hours(12)
        )
        every = {function: FunctionMetrics.of(stage, function) for function in stage.functions}
        answering = {route.function for route in ROUTES}
        http = [seen for function, seen in every.items() if function in answering]
        queues = [QueueMetrics(queue) for queue in stage.drop_queues]
        drops = [every[queue.settings.function] for queue in queues]
        models = [(every[queue.model], every[queue.settings.function]) for queue in queues]
        self._row("HTTP API", api_panels(api))
        self._row("Calls, and what went wrong", [calls_panel(seen) for seen in http])
        self._row("How long an invocation took", [latency_panel(seen, stage) for seen in http])
        self._row("Sandboxes", sandbox_panels(stage, list(every.values())))
        self._row("Drop folder", drop_panels(stage, queues, drops))
        self._row("Answers", answer_panels(models))
        self._row(_COST, cost_panels(stage, api))

    def _row(self, title: str, panels: Sequence[Panel]) -> None:
        self.dashboard.add_widgets(cw.TextWidget(markdown=f"## {title}", width=_COLUMNS, height=1))
        self.dashboard.add_widgets(*(panel.widget(_COLUMNS // len(panels)) for panel in panels))
