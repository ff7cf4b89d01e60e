"""The monthly budget: a message at half, at nine tenths, and when the forecast is above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_budgets as budgets
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

_STEPS: Final = (("ACTUAL", 50), ("ACTUAL", 90), ("FORECASTED", 100))


class MonthlyBudget(Construct):
    """Dollars a month for the whole account, told of on a topic.

    The whole account, since a budget by tag counts nothing, and says nothing, until somebody has switched the tag on
    as a cost allocation tag in the billing console. AWS updates costs a few times a day: what stops at a part of it
    (brake.py) stops hours late.
    """

    def __init__(self, scope: Construct, name: str, stage: str, dollars: float, topic: sns.ITopic) -> None:
        super().__init__(scope, name)
        hears = budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)
        self.budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"skysort-{stage}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[hears],
                )
                for kind, percent in _STEPS
            ],
        )
