"""What watches over a stage: dashboard, saved queries, and where the stage wants them alarms and a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from infra.constructs.alarms import ServiceAlarms
from infra.constructs.budget import MonthlyBudget
from infra.constructs.dashboard import ServiceDashboard
from infra.constructs.queries import SavedQueries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_logs as logs

    from infra.constructs.metrics import ApiMetrics
    from infra.stages.stage import Stage


class Observability(Construct):
    """All of it for one stage. logs: what the saved queries look through. alarms: None where the stage has none."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, api: ApiMetrics, logs: Sequence[logs.ILogGroup]
    ) -> None:
        super().__init__(scope, name)
        self.dashboard = ServiceDashboard(self, "Dashboard", stage, api).dashboard
        SavedQueries(self, "Queries", stage, logs)
        self.alarms: ServiceAlarms | None = None
        self.budget: MonthlyBudget | None = None
        wanted = stage.operations
        if wanted.alarms is not None:
            self.alarms = ServiceAlarms(self, "Alarms", stage, api, wanted.alarms)
            if wanted.monthly_budget_usd is not None:
                self.budget = MonthlyBudget(self, "Budget", stage.name, wanted.monthly_budget_usd, self.alarms.topic)
