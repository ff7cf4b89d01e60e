"""Stacks deployed into an emulated account in this process: milliseconds a resource, and neither engine nor server."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore import endpoint
from moto import mock_aws

from tests.deploy.emulator.account import USED, Account, Profile
from tests.deploy.emulator.corrections import correct_moto
from tests.deploy.emulator.custom import ANSWERS, CustomResource
from tests.deploy.emulator.fleet import Fleet
from tests.deploy.emulator.resources import client
from tests.deploy.emulator.sandboxes import run_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGION: Final = "us-east-1"
# Another one, where tests deploy a second time.
ABROAD: Final = "eu-central-1"
_BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"
# What CDK's command line says of an empty change set.
NO_CHANGES: Final = "(no changes)"
# A creation that failed: CDK's command line deletes what is left of it, and begins again.
_FAILED: Final = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation: the stack's status, and the reasons of what failed in it, by logical id."""

    status: str
    reasons: Mapping[str, str]


@dataclass(slots=True)
class Aws:
    """An emulated account. fleet: its functions. digests: of images by their tags, which else are their own."""

    account: Account
    fleet: Fleet = field(default_factory=Fleet)

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of one of its services."""
        return client(service, region)

    def deploy(
        self, stack: str, template: Mapping[str, Any], region: str = REGION, *, protect: bool = False
    ) -> Outcome:
        """Bring a stack to a template as CDK's command line does; protect: against deletion, before the change."""
        formation = self.client("cloudformation", region)
        status = self.status(stack, region)
        if status in _FAILED:
            formation.delete_stack(StackName=stack)
            status = self.status(stack, region)
        seen = 0 if status is None else len(self._events(stack, region))
        formation.create_change_set(
            StackName=stack,
            ChangeSetName="release",
            ChangeSetType="CREATE" if status is None else "UPDATE",
            TemplateBody=json.dumps(template),
        )
        if formation.describe_change_set(StackName=stack, ChangeSetName="release")["Status"] == "FAILED":
            formation.delete_change_set(StackName=stack, ChangeSetName="release")
            return Outcome(NO_CHANGES, {})
        if protect:
            formation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)
        formation.execute_change_set(StackName=stack, ChangeSetName="release")
        formation.delete_change_set(StackName=stack, ChangeSetName="release")
        events = self._events(stack, region)
        return Outcome(events[0]["ResourceStatus"], _reasons(events[: len(events) - seen]))

    def destroy(self, stack: str, region: str = REGION) -> Outcome:
        """Delete a stack."""
        (found,) = self.client("cloudformation", region).describe_stacks(StackName=stack)["Stacks"]
        self.client("cloudformation", region).delete_stack(StackName=stack)
        events = self._events(found["StackId"], region)
        (left,) = self.client("cloudformation", region).describe_stacks(StackName=found["StackId"])["Stacks"]
        return Outcome(left["StackStatus"], _reasons(events))

    def left(self) -> list[str]:
        """The buckets and functions that are there, and the log groups, of its first region."""
        buckets = [found["Name"] for found in self.client("s3").list_buckets()["Buckets"] if found["Name"] != ANSWERS]
        functions = self.client("lambda").list_functions()["Functions"]
        groups = self.client("logs").describe_log_groups()["logGroups"]
        return buckets + [one["FunctionName"] for one in functions] + [group["logGroupName"] for group in groups]

    def status(self, stack: str, region: str = REGION) -> str | None:
        """A stack's status, None where there is none."""
        stacks = self.client("cloudformation", region).describe_stacks()["Stacks"]
        return next((str(found["StackStatus"]) for found in stacks if found["StackName"] == stack), None)

    def _events(self, stack: str, region: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("cloudformation", region).describe_stack_events(StackName=stack)[
            "StackEvents"
        ]
        return found


def _reasons(events: list[dict[str, Any]]) -> dict[str, str]:
    return {
        event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    }


@contextmanager
def emulated(profile: Profile = USED, *, regions: tuple[str, ...] = (REGION,)) -> Iterator[Aws]:
    """An empty account, bootstrapped in its regions, while the block runs."""
    account = Account(profile)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        # Clients wait before they try again; nothing here becomes different by waiting.
        patch.setattr(endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr(CustomResource, "address", "https://localhost")
        correct_moto(patch, account)
        with mock_aws():
            aws = Aws(account)
            run_images(patch, aws.fleet)
            for region in regions:
                aws.client("ssm", region).put_parameter(Name=_BOOTSTRAP, Value="21", Type="String")
            yield aws
