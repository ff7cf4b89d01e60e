"""Logs, metrics, alarms and costs, and the web page's distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import Accepted, Made, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known


def _budget(budgets: Any, known: Known) -> Known:
    """A budget, with a name where the template leaves that to CloudFormation."""
    name = known["Budget"].get("BudgetName", known["LogicalId"])
    given: Known = {key: known[key] for key in ("AccountId", "NotificationsWithSubscribers") if key in known}
    given["Budget"] = known["Budget"] | {"BudgetName": name}
    call(budgets, "create_budget", given, "AWS::Budgets::Budget")
    return {"BudgetName": name}


TYPES: Final = (
    Made(
        "AWS::Logs::MetricFilter",
        "logs",
        "put_metric_filter",
        ref="{FilterName}",
        delete="delete_metric_filter",
        key={"logGroupName": "{LogGroupName}", "filterName": "{FilterName}"},
        name="FilterName",
    ),
    Made(
        "AWS::CloudWatch::Alarm",
        "cloudwatch",
        "put_metric_alarm",
        ref="{AlarmName}",
        attributes={"Arn": "arn:aws:cloudwatch:{Region}:{AccountId}:alarm:{AlarmName}"},
        name="AlarmName",
    ),
    Made(
        "AWS::Budgets::Budget",
        "budgets",
        _budget,
        ref="{BudgetName}",
        delete="delete_budget",
        key={"AccountId": "{AccountId}", "BudgetName": "{BudgetName}"},
    ),
    Accepted(
        "AWS::CloudWatch::CompositeAlarm",
        ref="{AlarmName}",
        attributes={"Arn": "arn:aws:cloudwatch:{Region}:{AccountId}:alarm:{AlarmName}"},
        name="AlarmName",
    ),
    Accepted("AWS::Logs::QueryDefinition"),
    Accepted("AWS::CDK::Metadata"),
)
