"""Names that an account has once: what a second region, or a second developer, may not use again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.emulator.formation.schema import create_only
from tests.deploy.emulator.refusals.names import GLOBAL, NAMES
from tests.deploy.formation import ABROAD
from tests.deploy.templates import of_type, part, without_imports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.deploy.formation import Aws

    Templates = Callable[[str], Mapping[str, Any]]

# Names that need to be free only in what they belong to, or that are another resource's.
WITHIN = {
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::Budgets::BudgetsAction",
    "AWS::EC2::VPCEndpoint",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
}
# The names as they were, without the region.
ONCE = [
    ("page", "AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyConfig", "skysort-page-prod"),
    ("page", "AWS::CloudFront::OriginAccessControl", "OriginAccessControlConfig", "skysortpageprod"),
    ("service", "AWS::Budgets::Budget", "Budget", "skysort-prod"),
]


def alone(template: Mapping[str, Any], type_: str) -> tuple[str, dict[str, Any]]:
    """The only resource of a type, with what it needs; its logical id."""
    (found,) = of_type(template, type_)
    return found, without_imports(part(template, found))


@pytest.mark.parametrize(("stack", "type_", "holder", "name"), ONCE, ids=[type_ for _, type_, _, _ in ONCE])
def test_a_name_that_the_account_has_once_stops_a_second_region(
    stack: str, type_: str, holder: str, name: str, aws: Aws, service: Templates, page: Templates
) -> None:
    found, template = alone((page if stack == "page" else service)("prod"), type_)
    properties = template["Resources"][found]["Properties"][holder]
    properties["BudgetName" if type_ == "AWS::Budgets::Budget" else "Name"] = name
    assert aws.deploy(f"skysort-{stack}-prod", template).status == "CREATE_COMPLETE"
    outcome = aws.deploy(f"skysort-{stack}-prod", template, ABROAD)
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert f"Resource of type '{type_}' with identifier '{name}' already exists." in outcome.reasons[found]


@pytest.mark.parametrize(("stack", "type_", "holder", "name"), ONCE, ids=[type_ for _, type_, _, _ in ONCE])
def test_a_second_region_has_names_of_its_own(
    stack: str, type_: str, holder: str, name: str, aws: Aws, service: Templates, page: Templates
) -> None:
    del holder, name
    found, template = alone((page if stack == "page" else service)("prod"), type_)
    assert aws.deploy(f"skysort-{stack}-prod", template).status == "CREATE_COMPLETE"
    outcome = aws.deploy(f"skysort-{stack}-prod", template, ABROAD)
    assert outcome.status == "CREATE_COMPLETE", outcome.reasons[found]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_emulator_knows_where_every_named_type_has_its_name(
    stage: str, service: Templates, page: Templates
) -> None:
    resources = [*service(stage)["Resources"].values(), *page(stage)["Resources"].values()]
    named = {
        one["Type"]
        for one in resources
        if any(name in one.get("Properties", {}) and name.endswith("Name") for name in create_only(one["Type"]))
    }
    assert named - WITHIN <= NAMES.keys()
    assert any(type_.startswith(GLOBAL) for type_ in named)
