"""What watches over a stage: dashboard, saved queries, and where the stage wants them alarms and a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from infra.constructs.alarms import ServiceAlarms
from infra.constructs.budget import MonthlyBudget
from infra.constructs.dashboard import ServiceDashboard
from infra.constructs.queries import SavedQueries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.constructs.deployed import Deployed
    from infra.constructs.metrics import ApiMetrics
    from infra.stage_settings import Stage


class Observability(Construct):
    """All of it for one stage. alarms: None where the stage has none."""

    def __init__(
        self, scope: Construct, name: str, stage: Stage, functions: Mapping[str, Deployed], api: ApiMetrics
    ) -> None:
        super().__init__(scope, name)
        self.dashboard = ServiceDashboard(self, "Dashboard", stage, api).dashboard
        SavedQueries(self, "Queries", stage, [function.log_group for function in functions.values()])
        self.alarms: ServiceAlarms | None = None
        wanted = stage.operations
        if wanted.alarms is not None:
            self.alarms = ServiceAlarms(self, "Alarms", stage, api, wanted.alarms)
            if wanted.monthly_budget_usd is not None:
                MonthlyBudget(self, "Budget", stage.name, wanted.monthly_budget_usd, self.alarms.topic)
