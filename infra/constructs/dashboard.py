"""The dashboard of a stage, from the callers' view at the top to cost at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw
from constructs import Construct

from infra import ROOT
from infra.api.routes import ROUTES
from infra.constructs.common import account_name
from infra.constructs.metrics import MAXIMUM, SUM, ApiMetrics, ExecutionMetrics, FunctionMetrics, QueueMetrics
from infra.stages.deployments import TRAINED
from infra.stages.functions import Provisioned
from skysort.metric_names import CONFIDENCE, FAILED, ITEMS_REFUSED, MAX_LABELS, REFUSED, label_metric
from skysort.model_card import load_card
from skysort.models import BULK, MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import AwsStage

HOUR: Final = Duration.hours(1)
_MB_PER_GB: Final = 1_024
_MILLION: Final = 1_000_000


def function_cost(stage: AwsStage, name: str) -> cw.MathExpression:
    """Dollars per hour of a function: invocations, their duration times memory, and provisioned concurrency."""
    # Lambda's price formula (aws.amazon.com/lambda/pricing) with the stage's prices. An estimate: without storage,
    # queues, logs, data transfer, the free tier and rounding up to a millisecond.
    prices, settings, metrics = stage.operations.prices, stage.functions[name], FunctionMetrics.of(stage, name)
    prefix = name.replace("-", "_")
    gigabytes = settings.memory_mb / _MB_PER_GB
    calls, busy = f"{prefix}_calls", f"{prefix}_ms"
    used: dict[str, cw.IMetric] = {calls: metrics.lambda_metric("Invocations"), busy: metrics.lambda_metric("Duration")}
    a_call = _number(prices.million_invocations / _MILLION)
    a_millisecond = _number(gigabytes * prices.gb_second / 1_000)
    # A zero or missing divisor would leave a gap in the quotient and in the sum.
    expression = f"FILL({calls},0)*{a_call}+FILL({busy},0)*{a_millisecond}"
    if isinstance(settings.warm, Provisioned):
        at_work, share, inside = f"{prefix}_at_work", f"{prefix}_share", f"{prefix}_inside"
        used |= {
            at_work: metrics.live("ProvisionedConcurrentExecutions", MAXIMUM),
            share: metrics.live("ProvisionedConcurrencyUtilization", MAXIMUM),
            inside: metrics.live("ProvisionedConcurrencyInvocations"),
        }
        # The number of provisioned sandboxes is not published: it is busy ones / utilisation, or the floor if idle.
        any_busy = f"FILL({share},0)>0"
        kept = f"IF({any_busy},FILL({at_work},0),{settings.warm.concurrency})/IF({any_busy},FILL({share},0),1)"
        warm = _number(gigabytes * prices.provisioned_gb_second)
        saved = _number(gigabytes * (prices.gb_second - prices.busy_provisioned_gb_second) / 1_000)
        # Time in provisioned sandboxes has a lower price; it is estimated by their share of the invocations.
        expression += f"+{kept}*{warm}*PERIOD({busy})"
        calls_or_1 = f"IF(FILL({calls},0)>0,FILL({calls},0),1)"
        expression += f"-FILL({inside},0)/{calls_or_1}*FILL({busy},0)*{saved}"
    return cw.MathExpression(expression=expression, using_metrics=used, label=name, period=HOUR)


def api_cost(stage: AwsStage, api: ApiMetrics) -> cw.MathExpression:
    """Dollars per hour of API Gateway."""
    rate = _number(stage.operations.prices.million_requests / _MILLION)
    return cw.MathExpression(
        expression=f"FILL(api_requests,0)*{rate}",
        using_metrics={"api_requests": api.of("Count")},
        label="API Gateway",
        period=HOUR,
    )


def total_cost(stage: AwsStage, api: ApiMetrics) -> tuple[cw.MathExpression, list[cw.MathExpression]]:
    """Dollars per hour in total, and by part."""
    parts = {f"cost_{name.replace('-', '_')}": function_cost(stage, name) for name in stage.functions}
    parts["cost_api"] = api_cost(stage, api)
    total = cw.MathExpression(expression="+".join(parts), using_metrics=dict(parts), label="together", period=HOUR)
    return total, list(parts.values())


def _number(value: float) -> str:
    """A number for metric math, which does not support exponents."""
    return f"{value:.15f}".rstrip("0")


_HEIGHT: Final = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph.

    left, right: metrics of the two axes; unit, right_unit: what those count. left_max: the left axis' end.
    mark: a horizontal line at this value, with its label.
    """

    title: str
    left: Sequence[cw.IMetric]
    right: Sequence[cw.IMetric] = ()
    unit: str = ""
    right_unit: str = ""
    left_max: float | None = None
    stacked: bool = False
    period: Duration | None = None
    mark: tuple[float, str] | None = None

    def widget(self, width: int) -> cw.GraphWidget:
        """The panel as a widget; width in columns (of 24)."""
        marks = [cw.HorizontalAnnotation(value=self.mark[0], label=self.mark[1])] if self.mark else None
        return cw.GraphWidget(
            title=self.title,
            width=width,
            height=_HEIGHT,
            left=list(self.left),
            right=list(self.right),
            left_y_axis=cw.YAxisProps(min=0, max=self.left_max, label=self.unit, show_units=False),
            right_y_axis=cw.YAxisProps(min=0, label=self.right_unit, show_units=False),
            left_annotations=marks,
            stacked=self.stacked,
            period=self.period,
        )


def api_panels(api: ApiMetrics) -> list[Panel]:
    """Requests, errors and latency of the HTTP API, including responses of the gateway itself."""
    latency: list[cw.IMetric] = [api.of("Latency", statistic, statistic) for statistic in ("p50", "p90", "p99")]
    own: list[cw.IMetric] = [api.of("IntegrationLatency", "p50", "p50 of the function alone")]
    return [
        Panel("Requests", [api.of("Count", label="requests")]),
        Panel("Errors", [api.of("5XXError", label="5xx"), api.of("4XXError", label="4xx")]),
        Panel("Latency", [*latency, *own], unit="ms"),
    ]


def calls_panel(metrics: FunctionMetrics) -> Panel:
    """Invocations of a function, and errors."""
    # Faults of the function, of the concurrency limit, and of the caller.
    errors = [
        metrics.lambda_metric("Errors", label="crashed or timed out"),
        metrics.custom(FAILED, label="answered 5xx"),
        metrics.lambda_metric("Throttles", label="throttled"),
        metrics.custom(REFUSED, label="answered 4xx"),
        metrics.custom(ITEMS_REFUSED, label="bad items among good ones"),
    ]
    return Panel(metrics.name, errors, [metrics.lambda_metric("Invocations", label="calls")], "wrong", "calls")


def latency_panel(metrics: FunctionMetrics, stage: AwsStage) -> Panel:
    """Duration of a function, with its alarm threshold."""
    alarms = stage.operations.alarms
    limit = alarms.p99_ms.get(metrics.name) if alarms else None
    durations = [metrics.lambda_metric("Duration", statistic, statistic) for statistic in ("p50", "p90", "p99")]
    return Panel(metrics.name, durations, unit="ms", mark=(limit, "alarm on p99") if limit else None)


def sandbox_panels(stage: AwsStage, functions: Sequence[FunctionMetrics]) -> list[Panel]:
    """Cold starts, concurrency, and use of provisioned concurrency if there is any."""
    panels = [
        Panel("Cold starts", [metrics.cold_starts() for metrics in functions], stacked=True),
        Panel(
            "Running at once",
            [metrics.lambda_metric("ConcurrentExecutions", MAXIMUM, metrics.name) for metrics in functions],
        ),
    ]
    warm = [metrics for metrics in functions if isinstance(stage.functions[metrics.name].warm, Provisioned)]
    if warm:
        busy = [metrics.live("ProvisionedConcurrencyUtilization", MAXIMUM, metrics.name) for metrics in warm]
        spilled = [metrics.live("ProvisionedConcurrencySpilloverInvocations", label=metrics.name) for metrics in warm]
        panels += [
            Panel("Kept-warm sandboxes: busy share", busy, left_max=1),
            Panel("Kept-warm sandboxes: calls that found none free", spilled, stacked=True),
        ]
    return panels


def drop_panels(stage: AwsStage, queues: Sequence[QueueMetrics], drops: Sequence[FunctionMetrics]) -> list[Panel]:
    """Files of the drop folder: waiting, age, done, and dead letters."""
    alarms = stage.operations.alarms
    overdue_s = min(queue.settings.overdue_s for queue in queues)
    limit = (alarms.queue_age_s or overdue_s, "alarm") if alarms else None
    done: list[cw.IMetric] = [metrics.custom("Files", label=f"{metrics.name} files") for metrics in drops]
    refused: list[cw.IMetric] = [metrics.custom("FilesRefused", label=f"{metrics.name} refused") for metrics in drops]
    failed: list[cw.IMetric] = [
        metrics.custom("FilesFailed", label=f"{metrics.name} to be tried again") for metrics in drops
    ]
    return [
        Panel("Files waiting and in work", [m for queue in queues for m in (queue.waiting(), queue.working())]),
        Panel("The oldest file's wait", [queue.age() for queue in queues], unit="s", mark=limit),
        Panel("Files done", done, [*refused, *failed], "done", "wrong"),
        Panel("Dead letters", [queue.dead() for queue in queues]),
    ]


def execution_panels(
    what: str, executions: ExecutionMetrics, steps: str, functions: Sequence[FunctionMetrics]
) -> list[Panel]:
    """Executions of a state machine: started and ended, how long they took, and the functions that do their steps."""
    ended = [executions.executions(end, end.lower()) for end in ("Succeeded", "Failed", "TimedOut")]
    failed: list[cw.IMetric] = [
        metrics.lambda_metric("Errors", label=f"{metrics.name} failed") for metrics in functions
    ]
    took = [executions.duration(each) for each in ("p50", "p90", "p99")]
    return [
        Panel(f"{what}s", [executions.executions("Started", "started"), *ended, executions.dead()]),
        Panel(f"How long a {what.lower()} took", took, unit="ms"),
        Panel(
            f"{steps}, and those that failed or refused their input",
            failed,
            [metrics.lambda_metric("Invocations", label=f"{metrics.name} {steps.lower()}") for metrics in functions],
            "failed",
            steps.lower(),
        ),
    ]


def answer_panels(models: Sequence[tuple[FunctionMetrics, FunctionMetrics]]) -> list[Panel]:
    """Answers of the HTTP and the drop function of each model: confidence, and counts of up to MAX_LABELS classes."""
    confidence = [http.custom(CONFIDENCE, "Average", http.name) for http, _ in models]
    panels = [Panel("Mean confidence of HTTP answers", confidence, left_max=1)]
    for http, drop in models:
        labels = load_card(ROOT / "functions" / http.name / "model").labels
        if len(labels) <= MAX_LABELS:
            for title, metrics in (("classes over HTTP", http), ("classes of dropped files", drop)):
                counted = [metrics.custom(label_metric(label), SUM, label) for label in labels]
                panels.append(Panel(f"{http.name}: {title}", counted, stacked=True))
    return panels


def cost_panels(stage: AwsStage, api: ApiMetrics) -> list[Panel]:
    """Dollars per hour, by part and in total."""
    total, parts = total_cost(stage, api)
    unit = "USD an hour"
    return [
        Panel("By part", parts, unit=unit, stacked=True, period=HOUR),
        Panel("Together", [total], unit=unit, period=HOUR),
    ]


_COLUMNS: Final = 24
_COST: Final = "Cost: Lambda and API Gateway, an estimate without storage, queues, logs, transfer and the free tier"


class ServiceDashboard(Construct):
    """skysort-<stage>: calls, errors and latency per model, sandboxes, drop folder, trainings, bulk, answers, cost."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: AwsStage,
        api: ApiMetrics,
        *,
        trainings: ExecutionMetrics,
        bulk: ExecutionMetrics,
    ) -> None:
        super().__init__(scope, name)
        dashboard = account_name(self, f"skysort-{stage.name}")
        self.dashboard = cw.Dashboard(self, "Dashboard", dashboard_name=dashboard, default_interval=Duration.hours(12))
        by_name = {function: FunctionMetrics.of(stage, function) for function in stage.functions}
        answering = {route.function for route in ROUTES}
        http = [metrics for function, metrics in by_name.items() if function in answering]
        queues = [QueueMetrics(queue) for queue in stage.drop_queues]
        drops = [by_name[queue.settings.function] for queue in queues]
        # The classes of trained models are their owners'.
        models = [(by_name[queue.model], by_name[queue.settings.function]) for queue in queues if queue.model in MODELS]
        self._row("HTTP API", api_panels(api))
        self._row("Calls, and what went wrong", [calls_panel(metrics) for metrics in http])
        self._row("How long an invocation took", [latency_panel(metrics, stage) for metrics in http])
        self._row("Sandboxes", sandbox_panels(stage, list(by_name.values())))
        self._row("Drop folder", drop_panels(stage, queues, drops))
        training = [by_name[model.train_function] for model in TRAINED]
        self._row("Trainings", execution_panels("Training", trainings, "Steps", training))
        parts = [by_name[function] for function in (*stage.bulk_parts, BULK)]
        self._row("Bulk jobs", execution_panels("Bulk run", bulk, "Parts and steps", parts))
        self._row("Answers", answer_panels(models))
        self._row(_COST, cost_panels(stage, api))

    def _row(self, title: str, panels: Sequence[Panel]) -> None:
        self.dashboard.add_widgets(cw.TextWidget(markdown=f"## {title}", width=_COLUMNS, height=1))
        self.dashboard.add_widgets(*(panel.widget(_COLUMNS // len(panels)) for panel in panels))
