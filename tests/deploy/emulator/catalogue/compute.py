"""Lambda and its scaling: moto's own CloudFormation leaves out images, aliases and what a function is sized by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.refusals.versions import published
from tests.deploy.emulator.resources import ApiBacked, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_TARGET: Final = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def _reserve(lambda_: Any, known: Known, count: int) -> None:
    given = {"FunctionName": known["FunctionName"], "ReservedConcurrentExecutions": count}
    call(lambda_, "put_function_concurrency", given, "AWS::Lambda::Function")


def _provision(lambda_: Any, known: Known, value: Known) -> None:
    given = {"FunctionName": known["FunctionName"], "Qualifier": known["Name"], **value}
    call(lambda_, "put_provisioned_concurrency_config", given, "AWS::Lambda::Alias")


def _update_function(lambda_: Any, known: Known, properties: Known) -> None:
    """Code and configuration are two calls; what is reserved is a third."""
    name = {"FunctionName": known["FunctionName"]}
    if properties["Code"] != known["Code"]:
        call(lambda_, "update_function_code", {**name, **properties["Code"]}, "AWS::Lambda::Function")
    settings = lambda_.meta.service_model.operation_model("UpdateFunctionConfiguration").input_shape.members
    changed = {key: value for key, value in properties.items() if key in settings and value != known.get(key)}
    if changed:
        call(lambda_, "update_function_configuration", {**changed, **name}, "AWS::Lambda::Function")
    if "ReservedConcurrentExecutions" in properties:
        _reserve(lambda_, known, properties["ReservedConcurrentExecutions"])
    elif "ReservedConcurrentExecutions" in known:
        lambda_.delete_function_concurrency(**name)


def _publish(lambda_: Any, known: Known) -> Known:
    name = known["FunctionName"]
    before = {version["Version"] for version in lambda_.list_versions_by_function(FunctionName=name)["Versions"]}
    given: Known = {key: known[key] for key in ("FunctionName", "Description", "CodeSha256") if key in known}
    answer = call(lambda_, "publish_version", given, "AWS::Lambda::Version")
    published(answer["Version"], before=before)
    return answer


def _update_mapping(lambda_: Any, known: Known, properties: Known) -> None:
    settings = lambda_.meta.service_model.operation_model("UpdateEventSourceMapping").input_shape.members
    changed = {key: value for key, value in properties.items() if key in settings and value != known.get(key)}
    call(lambda_, "update_event_source_mapping", {**changed, "UUID": known["UUID"]}, "AWS::Lambda::EventSourceMapping")


def _update_alias(lambda_: Any, known: Known, properties: Known) -> None:
    lambda_.update_alias(
        FunctionName=known["FunctionName"], Name=known["Name"], FunctionVersion=properties["FunctionVersion"]
    )
    if "ProvisionedConcurrencyConfig" in properties:
        _provision(lambda_, known, properties["ProvisionedConcurrencyConfig"])


def _schedule(scaling: Any, known: Known, actions: list[Known]) -> None:
    target = {key: known[key] for key in _TARGET}
    for action in actions:
        call(scaling, "put_scheduled_action", {**action, **target}, "AWS::ApplicationAutoScaling::ScalableTarget")


def _scaling_policy(scaling: Any, known: Known) -> Known:
    parts = ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")
    target = dict(zip(_TARGET, known["ScalingTargetId"].split("|"), strict=True))
    given = {key: known[key] for key in parts} | target
    return call(scaling, "put_scaling_policy", given, "AWS::ApplicationAutoScaling::ScalingPolicy")


TYPES: Final = (
    ApiBacked(
        "AWS::Lambda::Function",
        "lambda",
        "create_function",
        ref="{FunctionName}",
        attributes={"Arn": "{FunctionArn}"},
        delete="delete_function",
        key={"FunctionName": "{FunctionName}"},
        name="FunctionName",
        then={"ReservedConcurrentExecutions": _reserve},
        update=_update_function,
    ),
    ApiBacked(
        "AWS::Lambda::Version",
        "lambda",
        _publish,
        ref="{FunctionArn}",
        attributes={"Version": "{Version}", "FunctionArn": "{FunctionArn}"},
        delete="delete_function",
        key={"FunctionName": "{FunctionName}", "Qualifier": "{Version}"},
    ),
    ApiBacked(
        "AWS::Lambda::Alias",
        "lambda",
        "create_alias",
        ref="{AliasArn}",
        attributes={"AliasArn": "{AliasArn}"},
        delete="delete_alias",
        key={"FunctionName": "{FunctionName}", "Name": "{Name}"},
        then={"ProvisionedConcurrencyConfig": _provision},
        update=_update_alias,
    ),
    ApiBacked(
        "AWS::Lambda::Permission",
        "lambda",
        "add_permission",
        ref="{LogicalId}",
        delete="remove_permission",
        key={"FunctionName": "{FunctionName}", "StatementId": "{LogicalId}"},
        fixed={"StatementId": "{LogicalId}"},
    ),
    ApiBacked(
        "AWS::Lambda::EventSourceMapping",
        "lambda",
        "create_event_source_mapping",
        ref="{UUID}",
        attributes={"Id": "{UUID}"},
        delete="delete_event_source_mapping",
        key={"UUID": "{UUID}"},
        update=_update_mapping,
    ),
    ApiBacked(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "register_scalable_target",
        ref="{ResourceId}|{ScalableDimension}|{ServiceNamespace}",
        delete="deregister_scalable_target",
        key={name: f"{{{name}}}" for name in _TARGET},
        then={"ScheduledActions": _schedule},
    ),
    ApiBacked(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
        _scaling_policy,
        ref="{PolicyARN}",
        attributes={"Arn": "{PolicyARN}"},
    ),
)
