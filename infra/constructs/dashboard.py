"""The one dashboard of a stage: from what callers see at the top to what it costs at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw
from constructs import Construct

from infra.api.routes import ROUTES
from infra.constructs.metrics import FunctionMetrics, QueueMetrics
from infra.constructs.panels import (
    answer_panels,
    api_panels,
    calls_panel,
    cost_panels,
    drop_panels,
    latency_panel,
    sandbox_panels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.constructs.metrics import ApiMetrics
    from infra.constructs.panels import Panel
    from infra.stages.stage import Stage

_COLUMNS: Final = 24
_COST: Final = "Cost: Lambda and API Gateway, an estimate without storage, queues, logs, transfer and the free tier"


class ServiceDashboard(Construct):
    """skysort-<stage>: calls, errors and latency a model, sandboxes, drop folder, answers, cost."""

    def __init__(self, scope: Construct, name: str, stage: Stage, api: ApiMetrics) -> None:
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
