"""What CloudFormation refuses: what is in the way, and replacements; each with the template that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.deploy.emulator.account import LITTLE_MEMORY, USED
from tests.deploy.templates import alias_of, of_type, part, released, retained, version_of, with_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.deploy.formation import Aws

    Templates = Callable[[str], Mapping[str, Any]]

STACK = "skysort-service-prod"
MEMORY = "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008"


def beginning(service: Templates) -> dict[str, Any]:
    """Of prod's service: its buckets, and a function that is larger than a new account allows."""
    whole = service("prod")
    return part(whole, version_of(whole, "StarDropFunction"), *of_type(whole, "AWS::S3::Bucket"))


def fail_to_create(aws: Aws, template: Mapping[str, Any], *, protect: bool = False) -> None:
    """A first deployment that fails for the account's memory, which is raised then."""
    aws.account.profile = LITTLE_MEMORY
    outcome = aws.deploy(STACK, template, protect=protect)
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert MEMORY in outcome.reasons["StarDropFunction"]
    aws.account.profile = USED


def test_what_a_failed_creation_retained_is_in_the_way_of_the_next(aws: Aws, service: Templates) -> None:
    # Given a template that retains from the beginning, and failed
    template = retained(beginning(service))
    fail_to_create(aws, template)

    # When it is deployed again, then the first resource that is still there stops it
    outcome = aws.deploy(STACK, template)
    assert outcome.status == "ROLLBACK_COMPLETE"
    (why,) = outcome.reasons.values()
    assert "already exists." in why
    assert "HandlerErrorCode: AlreadyExists" in why


def test_what_is_retained_except_on_create_goes_with_a_failed_creation(aws: Aws, service: Templates) -> None:
    template = beginning(service)
    fail_to_create(aws, template)
    assert aws.account.names == {}
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"

    # And stays with a stack that was there
    assert aws.destroy(STACK).status == "DELETE_COMPLETE"
    kept = {type_ for type_, _, _ in aws.account.names}
    assert kept == {"AWS::S3::Bucket", "AWS::Logs::LogGroup"}


def test_a_stack_whose_creation_was_rolled_back_cannot_be_updated(aws: Aws, service: Templates) -> None:
    fail_to_create(aws, beginning(service))
    with pytest.raises(ClientError, match=r"is in ROLLBACK_COMPLETE state and can not be updated"):
        aws.client("cloudformation").create_change_set(
            StackName=STACK, ChangeSetName="again", ChangeSetType="UPDATE", TemplateBody="{}"
        )


def test_a_protected_stack_that_failed_cannot_be_deployed_again(aws: Aws, service: Templates) -> None:
    # Given that CDK's command line protects a stack before it executes the change set
    template = beginning(service)
    fail_to_create(aws, template, protect=True)
    # When it begins again, it cannot delete what is left of the first attempt
    with pytest.raises(ClientError, match=rf"\[{STACK}\] cannot be deleted while TerminationProtection is enabled"):
        aws.deploy(STACK, template, protect=True)


def test_what_a_failed_update_retained_is_in_the_way_of_the_next(aws: Aws, service: Templates) -> None:
    # Given a function with its roll-out, and a release that fails in its proof
    template = part(service("prod"), alias_of(service("prod"), "StarDropFunction"))
    assert aws.deploy(STACK, retained(template)).status == "CREATE_COMPLETE"
    release = released(retained(template), "StarDropFunction", "second", Description="second")
    aws.fleet.broken = {f"{release['Resources']['StarDropFunction']['Properties']['Code']['ImageUri']}"}
    assert aws.deploy(STACK, release).status == "UPDATE_ROLLBACK_COMPLETE"

    # When it is repeated, and would pass
    aws.fleet.broken = set()
    outcome = aws.deploy(STACK, release)

    # Then the version that was retained is what would be published
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert outcome.reasons == {
        version_of(release, "StarDropFunction"): (
            "A version for this Lambda function exists ( 2 ). Modify the function to create a new version."
        )
    }


def test_what_is_retained_except_on_create_goes_with_a_failed_update(aws: Aws, service: Templates) -> None:
    template = part(service("prod"), alias_of(service("prod"), "StarDropFunction"))
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    release = released(template, "StarDropFunction", "second", Description="second")
    aws.fleet.broken = {f"{release['Resources']['StarDropFunction']['Properties']['Code']['ImageUri']}"}
    assert aws.deploy(STACK, release).status == "UPDATE_ROLLBACK_COMPLETE"
    aws.fleet.broken = set()
    assert aws.deploy(STACK, release).status == "UPDATE_COMPLETE"


def test_a_resource_with_a_name_of_its_own_cannot_be_replaced(aws: Aws, service: Templates) -> None:
    # Given how CodeDeploy shifts a release
    whole = service("prod")
    (config,) = of_type(whole, "AWS::CodeDeploy::DeploymentConfig")
    template = with_properties(part(whole, config), config, DeploymentConfigName="skysort-control-prod-canary")
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"

    # When it is to shift otherwise
    slower = {"TimeBasedCanary": {"CanaryInterval": 30, "CanaryPercentage": 5}, "Type": "TimeBasedCanary"}
    outcome = aws.deploy(STACK, with_properties(template, config, TrafficRoutingConfig=slower))

    # Then there is no other name for the new one
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert outcome.reasons[config] == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename skysort-control-prod-canary and update the stack again."
    )


def test_how_releases_are_shifted_can_change(aws: Aws, service: Templates) -> None:
    whole = service("prod")
    (config,) = of_type(whole, "AWS::CodeDeploy::DeploymentConfig")
    template = part(whole, config)
    # Its name is CloudFormation's
    assert "DeploymentConfigName" not in template["Resources"][config]["Properties"]
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    slower = {"TimeBasedCanary": {"CanaryInterval": 30, "CanaryPercentage": 5}, "Type": "TimeBasedCanary"}
    outcome = aws.deploy(STACK, with_properties(template, config, TrafficRoutingConfig=slower))
    assert outcome.status == "UPDATE_COMPLETE"
