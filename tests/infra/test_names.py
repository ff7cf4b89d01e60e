"""Names of resources: none is in another stage's or region's way, nor in that of its own replacement."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.stages.account import PARTS_OF_NAMES
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.synth import Resource, Synthesised

# Names that are unique in a region of an account, by type; those of one object in another (a queue's policy, a method)
# are no names of resources of their own.
REGIONAL: Final = frozenset(
    {
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::Events::Rule",
        # "Each AWS account has one Data Catalog per AWS Region" (AWS Glue, "Data discovery and cataloging").
        "AWS::Glue::Database",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::Logs::QueryDefinition",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
        "AWS::StepFunctions::StateMachine",
        # That of a page is in us-east-1 only.
        "AWS::WAFv2::WebACL",
    }
)
# Names that are unique in an account, or in all of AWS: "All dashboards in your account are global, not
# region-specific" (PutDashboard); IAM, Budgets and CloudFront have no regions; buckets share one namespace.
GLOBAL: Final = frozenset(
    {
        "AWS::Budgets::Budget",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::S3::Bucket",
    }
)
# What a named resource may have of properties whose change replaces it: they follow from the code or from the name.
FOLLOWS: Final = {
    "AWS::CodeDeploy::Application": {"ComputePlatform"},  # Lambda
    "AWS::CodeDeploy::DeploymentGroup": {"ApplicationName"},  # of the same name
    "AWS::IAM::ManagedPolicy": {"Description", "Path"},  # the stage's name, and /
    "AWS::Lambda::Function": {"PackageType"},  # Image
    "AWS::ApplicationAutoScaling::ScalingPolicy": {"ScalingTargetId"},  # of the function, as is the name
    "AWS::StepFunctions::StateMachine": {"StateMachineType"},  # STANDARD
    "AWS::WAFv2::WebACL": {"Scope"},  # one name for each
}
REGION: Final = "<AWS::Region>"


def named(stage: Synthesised) -> Iterator[tuple[Resource, str, str]]:
    """Every resource with a name of its own, the property that has it, and the name."""
    for resource in stage.resources():
        for path, value in _texts(resource.properties):
            name = flat(value)
            if path.endswith("Name") and not path.endswith(("MetricName", "DisplayName")) and "skysort" in name:
                yield resource, path, name


def _texts(properties: Any, depth: int = 2) -> Iterator[tuple[str, Any]]:
    """Values of properties, and of those in them, by path; lists are of other objects."""
    for key, value in properties.items():
        yield key, value
        if isinstance(value, dict) and depth > 1 and not any(name.startswith(("Fn::", "Ref")) for name in value):
            yield from ((f"{key}/{inner}", found) for inner, found in _texts(value, depth - 1))


def replacing(resource: Resource) -> dict[str, Any]:
    """The properties that a resource has and whose change replaces it, by path."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource.type).schema
    paths = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", [])]
    known = dict(_texts(resource.properties))
    return {path: known[path] for path in paths if path in known}


def test_every_type_with_names_is_known_to_be_of_a_region_or_of_an_account(stage: Synthesised) -> None:
    types = {resource.type for resource, _, _ in named(stage)}
    assert types <= REGIONAL | GLOBAL
    assert {"AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::CloudWatch::Dashboard"} <= types


def test_every_name_has_that_of_the_stage(stage: Synthesised) -> None:
    own = stage.stage.name
    assert [name for _, _, name in named(stage) if own not in name and f"skysort_{own}" not in name] == []


def test_names_that_are_global_to_an_account_have_the_region(stage: Synthesised) -> None:
    found = {(resource.type, name) for resource, _, name in named(stage) if resource.type in GLOBAL}
    assert {kind for kind, _ in found} >= {"AWS::S3::Bucket", "AWS::CloudFront::ResponseHeadersPolicy"}
    assert [(kind, name) for kind, name in found if REGION not in name] == []


def test_a_named_resource_is_not_in_the_way_of_its_own_replacement(stage: Synthesised) -> None:
    """CloudFormation creates the new one first, which fails while the old one has the name."""
    for resource, path, _ in named(stage):
        others = replacing(resource).keys() - {path} - FOLLOWS.get(resource.type, set())
        assert not others, f"{resource.logical_id} has a name, and {others} would replace it"


@pytest.mark.parametrize("kind", ["AWS::CodeDeploy::DeploymentConfig", "AWS::Budgets::Budget"])
def test_what_settings_replace_has_no_name(prod: Synthesised, kind: str) -> None:
    (found,) = prod.resources(kind)
    assert replacing(found)
    assert kind not in {resource.type for resource, _, _ in named(prod)}


def test_no_stage_can_be_called_so_that_its_names_are_those_of_another(prod: Synthesised) -> None:
    """skysort-star-drop-dev would be star-drop of dev, and star of drop-dev."""
    around: dict[str, set[tuple[str, str]]] = {}
    for resource, _, name in named(prod):
        before, _, after = name.partition(prod.stage.name)
        around.setdefault(resource.type, set()).add((before, after))
    pairs = [pair for parts in around.values() for pair in permutations(parts, 2)]
    begins = {
        longer.removeprefix(before)
        for (before, end), (longer, other) in pairs
        if end == other and longer.startswith(before)
    }
    ends = {
        longer.removesuffix(end) for (before, end), (other, longer) in pairs if before == other and longer.endswith(end)
    }
    assert begins <= {f"{part}-" for part in PARTS_OF_NAMES}
    assert "drop-" in begins
    assert ends == set()


def test_two_stages_share_no_name(dev: Synthesised, prod: Synthesised) -> None:
    of_dev, of_prod = ({(resource.type, name) for resource, _, name in named(stage)} for stage in (dev, prod))
    assert of_dev & of_prod == set()
