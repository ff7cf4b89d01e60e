"""Logs, metrics, alarms and costs, and the web page's distribution."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, Stub, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known


def _budget(budgets: Any, known: Known) -> Known:
    """A budget, with a name where the template leaves that to CloudFormation."""
    name = known["Budget"].get("BudgetName", f"{known['LogicalId']}-{uuid.uuid4()}")
    given: Known = {key: known[key] for key in ("AccountId", "NotificationsWithSubscribers") if key in known}
    given["Budget"] = known["Budget"] | {"BudgetName": name}
    call(budgets, "create_budget", given, "AWS::Budgets::Budget")
    return {"BudgetName": name}


def _log_group(logs: Any, known: Known) -> Known:
    tags = {tag["Key"]: tag["Value"] for tag in known.get("Tags", ())}
    more = {"kmsKeyId": known["KmsKeyId"]} if "KmsKeyId" in known else {}
    logs.create_log_group(logGroupName=known["LogGroupName"], tags=tags, **more)
    return {}


def _keep(logs: Any, known: Known, days: int) -> None:
    logs.put_retention_policy(logGroupName=known["LogGroupName"], retentionInDays=days)


TYPES: Final = (
    ApiBacked(
        "AWS::Logs::LogGroup",
        "logs",
        _log_group,
        ref="{LogGroupName}",
        attributes={"Arn": "arn:aws:logs:{Region}:{AccountId}:log-group:{LogGroupName}:*"},
        delete="delete_log_group",
        key={"logGroupName": "{LogGroupName}"},
        name="LogGroupName",
        then={"RetentionInDays": _keep},
    ),
    ApiBacked(
        "AWS::Logs::MetricFilter",
        "logs",
        "put_metric_filter",
        ref="{FilterName}",
        delete="delete_metric_filter",
        key={"logGroupName": "{LogGroupName}", "filterName": "{FilterName}"},
        name="FilterName",
    ),
    ApiBacked(
        "AWS::CloudWatch::Alarm",
        "cloudwatch",
        "put_metric_alarm",
        ref="{AlarmName}",
        attributes={"Arn": "arn:aws:cloudwatch:{Region}:{AccountId}:alarm:{AlarmName}"},
        name="AlarmName",
    ),
    ApiBacked(
        "AWS::Budgets::Budget",
        "budgets",
        _budget,
        ref="{BudgetName}",
        delete="delete_budget",
        key={"AccountId": "{AccountId}", "BudgetName": "{BudgetName}"},
    ),
    Stub(
        "AWS::CloudWatch::CompositeAlarm",
        ref="{AlarmName}",
        attributes={"Arn": "arn:aws:cloudwatch:{Region}:{AccountId}:alarm:{AlarmName}"},
        name="AlarmName",
    ),
    Stub("AWS::Logs::QueryDefinition"),
    Stub("AWS::CDK::Metadata"),
)
