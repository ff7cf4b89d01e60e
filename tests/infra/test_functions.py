"""Functions: image, role, log group, alias, and the warm strategy that their stage names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from infra import ROOT
from infra.stages.environment import variables
from infra.stages.functions import Provisioned
from skysort.models import MODELS
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.synth import Resource, Synthesised

# What `sam local invoke` takes, and what README and CI call them: a change here breaks people's scripts.
LOGICAL_IDS = {
    **{name: f"{name.title()}Function" for name in MODELS},
    **{model.drop_function: f"{name.title()}DropFunction" for name, model in MODELS.items()},
    **{model.bulk_function: f"{name.title()}BulkFunction" for name, model in MODELS.items()},
    "custom": "CustomFunction",
    "custom-drop": "CustomDropFunction",
    "custom-train": "CustomTrainFunction",
    "star-train": "StarTrainFunction",
    "custom-bulk": "CustomBulkFunction",
    "bulk": "BulkFunction",
    "control": "ControlFunction",
    "release-hook": "ReleaseHookFunction",
    "flood-brake": "FloodBrakeFunction",
}


def deployed(stage: Synthesised) -> dict[str, str]:
    """The logical ids of the functions that a stage has, by name."""
    absent = set() if stage.stage.operations.flood else {"flood-brake"}
    return {name: logical for name, logical in LOGICAL_IDS.items() if name not in absent}


def alias_of(stage: Synthesised, function: str) -> Resource:
    (alias,) = [
        one
        for one in stage.resources("AWS::Lambda::Alias")
        if one.properties["FunctionName"] == {"Ref": LOGICAL_IDS[function]}
    ]
    return alias


def test_every_function_has_its_documented_logical_id_and_name(stage: Synthesised) -> None:
    names = {one.logical_id: one.properties["FunctionName"] for one in stage.resources("AWS::Lambda::Function")}
    assert names == {logical: f"skysort-{name}-{stage.stage.name}" for name, logical in deployed(stage).items()}


def test_the_logical_ids_are_documented() -> None:
    documented = (ROOT / "infra" / "README.md").read_text()
    others = {logical for name, logical in LOGICAL_IDS.items() if re.sub("-(drop|bulk)$", "", name) not in MODELS}
    assert len(others) == len(LOGICAL_IDS) - 3 * len(MODELS)
    assert [logical for logical in others if f"`{logical}`" not in documented] == []
    assert "`<Model>Function`" in documented
    assert "`<Model>DropFunction`" in documented
    assert "`<Model>BulkFunction`" in documented


def test_every_alias_is_live_on_the_current_version(stage: Synthesised) -> None:
    versions = {one.logical_id: one.properties["FunctionName"] for one in stage.resources("AWS::Lambda::Version")}
    for name, logical in deployed(stage).items():
        alias = alias_of(stage, name)
        version, attribute = alias.properties["FunctionVersion"]["Fn::GetAtt"]
        assert (alias.properties["Name"], attribute) == ("live", "Version")
        assert versions[version] == {"Ref": logical}


def test_functions_are_as_their_stage_says(stage: Synthesised) -> None:
    for name, settings in stage.stage.functions.items():
        function = stage.one(LOGICAL_IDS[name]).properties
        assert function["PackageType"] == "Image"
        assert function["ImageConfig"] == {"Command": [settings.handler]}
        assert function["Architectures"] == [stage.stage.architecture]
        assert (function["MemorySize"], function["Timeout"]) == (settings.memory_mb, settings.timeout_s)
        assert function["EphemeralStorage"] == {"Size": settings.scratch_mb}
        assert function.get("ReservedConcurrentExecutions") == settings.reserved_concurrency
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_a_backlog_of_dropped_files_cannot_starve_the_api(stage: Synthesised) -> None:
    for queue in stage.stage.drop_queues:
        assert stage.one(LOGICAL_IDS[queue.function]).properties["ReservedConcurrentExecutions"] >= 1


def test_an_image_is_built_once_a_target(stage: Synthesised) -> None:
    # Given the image of every function
    images: dict[str, set[str]] = {}
    for name, settings in stage.stage.functions.items():
        images.setdefault(settings.image, set()).add(flat(stage.one(LOGICAL_IDS[name]).properties["Code"]["ImageUri"]))
    # Then functions of one target share one image, and no others do
    assert all(len(uris) == 1 for uris in images.values())
    assert len(set.union(*images.values())) == len(images)


def test_logs_are_kept_as_long_as_the_stage_says_and_outlive_prod_only(dev: Synthesised, prod: Synthesised) -> None:
    for stage, days, policy in ((dev, 7, "Delete"), (prod, 90, "RetainExceptOnCreate")):
        groups = stage.resources("AWS::Logs::LogGroup")
        assert {group.properties["RetentionInDays"] for group in groups} == {days}
        assert {group.whole["DeletionPolicy"] for group in groups} == {policy}


def test_a_function_logs_to_its_own_group(stage: Synthesised) -> None:
    groups = {group.logical_id: group.properties["LogGroupName"] for group in stage.resources("AWS::Logs::LogGroup")}
    for name, logical in deployed(stage).items():
        group = stage.one(logical).properties["LoggingConfig"]["LogGroup"]["Ref"]
        assert groups[group] == f"/aws/lambda/skysort-{name}-{stage.stage.name}"


def test_a_function_is_given_the_variables_that_its_stage_says(stage: Synthesised) -> None:
    suffix = f"{stage.stage.name}-<AWS::AccountId>-<AWS::Region>"
    for name, settings in stage.stage.functions.items():
        found = stage.one(LOGICAL_IDS[name]).properties["Environment"]["Variables"]
        assert {variable: flat(value) for variable, value in found.items()} == variables(
            stage.stage,
            name,
            settings,
            drop_bucket=f"skysort-drop-{suffix}",
            results_bucket=f"skysort-results-{suffix}",
            models_bucket=f"skysort-models-{suffix}",
            home="/tmp",
        )
    assert found["SKYSORT_CLIENTS"] == {"dev": "shared", "prod": "separate"}[stage.stage.name]


def test_provisioned_concurrency_is_on_the_alias_and_never_on_a_version(dev: Synthesised, prod: Synthesised) -> None:
    provisioned = {
        name: alias_of(prod, name).properties["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
        for name in ("star", "galaxy", "image")
    }
    assert provisioned == {"star": 2, "galaxy": 2, "image": 2}
    for stage in (dev, prod):
        versions = stage.resources("AWS::Lambda::Version")
        assert not [one for one in versions if "ProvisionedConcurrencyConfig" in one.properties]
    assert not [one for one in dev.resources("AWS::Lambda::Alias") if "ProvisionedConcurrencyConfig" in one.properties]


def test_no_schedule_and_no_floor_reaches_zero(prod: Synthesised) -> None:
    targets = prod.resources("AWS::ApplicationAutoScaling::ScalableTarget")
    floors = [target.properties["MinCapacity"] for target in targets]
    floors += [
        action["ScalableTargetAction"]["MinCapacity"]
        for target in targets
        for action in target.properties.get("ScheduledActions", ())
    ]
    assert len(floors) == 3 + 2 * 2
    assert min(floors) >= 1


def scaling_of(stage: Synthesised, logical: str) -> tuple[Resource, Mapping[str, Any]]:
    """The scalable target of a function, and how its policy tracks."""
    (target,) = [
        one
        for one in stage.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        if flat(one.properties["ResourceId"]) == f"function:<{logical}>:live"
    ]
    (policy,) = [
        one
        for one in stage.resources("AWS::ApplicationAutoScaling::ScalingPolicy")
        if one.properties["ScalingTargetId"] == {"Ref": target.logical_id}
    ]
    # Lambda takes no other kind
    assert policy.properties["PolicyType"] == "TargetTrackingScaling"
    return target, policy.properties["TargetTrackingScalingPolicyConfiguration"]


def test_scaling_waits_for_the_alias_and_holds_the_busiest_moment(prod: Synthesised) -> None:
    target, tracking = scaling_of(prod, "StarFunction")
    assert target.properties["MaxCapacity"] == 50
    assert alias_of(prod, "star").logical_id in target.whole["DependsOn"]
    # The metric itself: an expression that fills in late data would hold its alarm in one state
    assert tracking["TargetValue"] == 0.7
    assert tracking.keys() == {"TargetValue", "CustomizedMetricSpecification"}
    busy = tracking["CustomizedMetricSpecification"]
    assert (busy["Namespace"], busy["MetricName"]) == ("AWS/Lambda", "ProvisionedConcurrencyUtilization")
    assert busy["Statistic"] == "Maximum"
    dimensions = {one["Name"]: flat(one["Value"]) for one in busy["Dimensions"]}
    assert dimensions == {"FunctionName": "<StarFunction>", "Resource": "<StarFunction>:live"}


def test_a_function_that_scales_is_asked_every_minute_so_that_it_scales_in_without_callers(prod: Synthesised) -> None:
    """Without data target tracking removes nothing."""
    asked = {}
    for rule in prod.resources("AWS::Events::Rule"):
        if "ScheduleExpression" in rule.properties:
            assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
            (target,) = rule.properties["Targets"]
            asked[flat(target["Arn"])] = json.loads(target["Input"])["path"]
    scaling = ("star", "galaxy", "image")
    assert asked == {f"<{alias_of(prod, name).logical_id}>": f"/v1/models/{name}/ready" for name in scaling}
    # and may be asked
    allowed = {
        flat(one.properties["FunctionName"])
        for one in prod.resources("AWS::Lambda::Permission")
        if one.properties["Principal"] == "events.amazonaws.com"
    }
    assert asked.keys() <= allowed
    # One call alone stays below the target, or the number of sandboxes would never settle
    for name in scaling:
        warm = prod.stage.functions[name].warm
        assert isinstance(warm, Provisioned)
        assert 1 / warm.concurrency <= warm.target_utilisation


def test_prod_is_protected_against_deletion(dev: Synthesised, prod: Synthesised) -> None:
    protected = [
        [child.termination_protection for child in stage.app.node.children if isinstance(child, cdk.Stack)]
        for stage in (dev, prod)
    ]
    assert protected == [[False, False], [True, True]]


def test_everything_is_tagged(stage: Synthesised) -> None:
    wanted = {"project": "skysort", "stage": stage.stage.name}
    for one in stage.resources("AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Logs::LogGroup"):
        tags: list[dict[str, Any]] = one.properties["Tags"]
        assert wanted.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items(), one.logical_id


def test_nothing_waits_for_itself(stage: Synthesised) -> None:
    """CloudFormation refuses a template whose resources wait for each other in a circle; CDK does not look."""
    for template in stage.templates.values():
        resources = template["Resources"]
        waits = {name: references(whole) & resources.keys() for name, whole in resources.items()}
        while ready := {name for name, others in waits.items() if not others}:
            waits = {name: others - ready for name, others in waits.items() if name not in ready}
        assert waits == {}


def references(value: Any) -> set[str]:
    """Every logical id that a part of a template names."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add(inner[0])
        elif key == "DependsOn":
            found.update([inner] if isinstance(inner, str) else inner)
        else:
            found |= references(inner)
    return found
