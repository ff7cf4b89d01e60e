"""What a deployment finds: no stack, one whose creation failed, one that is stuck; and when it is protected."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from infra.commands import CommandError
from infra.commands.stack_state import prepare, protect
from infra.stages.deployments import dev, prod
from tests.fakes.aws_session import faked, refusal

if TYPE_CHECKING:
    from infra.commands.session import Session

SERVICE, PAGE = "skysort-service-prod", "skysort-page-prod"
LOGS = ("AWS::Logs::LogGroup", "/aws/lambda/skysort-star-prod")


class FakeStacks:
    """CloudFormation with stacks in given states, and what is left of a rolled back one."""

    def __init__(
        self, states: dict[str, str], *, protected: bool = False, left: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.states = states
        self.protected = dict.fromkeys(states, protected)
        self._left = left

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 spells it
        if StackName not in self.states:
            raise refusal("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        return {
            "Stacks": [
                {
                    "StackStatus": self.states[StackName],
                    "EnableTerminationProtection": self.protected[StackName],
                }
            ]
        }

    def get_paginator(self, _: str) -> FakeStacks:
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        gone = {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": StackName, "ResourceStatus": "DELETE_COMPLETE"}
        left = [
            {"ResourceType": type_, "PhysicalResourceId": id_, "ResourceStatus": "DELETE_SKIPPED"}
            for type_, id_ in self._left
        ]
        return [{"StackResourceSummaries": [gone, *left]}]

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        self.protected[StackName] = EnableTerminationProtection

    @property
    def session(self) -> Session:
        return faked(cloudformation=self)


def test_a_first_deployment_creates_both_stacks() -> None:
    assert prepare(FakeStacks({}).session, prod(), adopt=False) == (PAGE, SERVICE)


def test_a_later_one_creates_only_what_is_missing() -> None:
    stacks = FakeStacks({SERVICE: "UPDATE_COMPLETE", PAGE: "REVIEW_IN_PROGRESS"})
    assert prepare(stacks.session, prod(), adopt=False) == (PAGE,)


def test_a_stack_whose_creation_failed_is_made_deletable_and_created_anew(capsys: pytest.CaptureFixture[str]) -> None:
    # Given one that was protected before it was there
    stacks = FakeStacks({SERVICE: "ROLLBACK_COMPLETE", PAGE: "CREATE_COMPLETE"}, protected=True)
    # When
    assert prepare(stacks.session, prod(), adopt=False) == (SERVICE,)
    # Then CDK can delete it, and the other stays as it is
    assert stacks.protected == {SERVICE: False, PAGE: True}
    assert (
        capsys.readouterr().out == f"{SERVICE}: its first deployment failed and was rolled back; it is created anew\n"
    )


def test_what_a_failed_deployment_left_behind_is_named_with_the_two_ways_out() -> None:
    stacks = FakeStacks({SERVICE: "ROLLBACK_COMPLETE"}, protected=True, left=(LOGS,))
    with pytest.raises(CommandError, match=f"left {LOGS[1]}, .* make deploy ARGS=--import-existing-resources"):
        prepare(stacks.session, prod(), adopt=False)
    assert stacks.protected[SERVICE]
    assert prepare(stacks.session, prod(), adopt=True) == (PAGE, SERVICE)


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        ("UPDATE_ROLLBACK_FAILED", f"aws cloudformation continue-update-rollback --stack-name {SERVICE} --region"),
        ("DELETE_FAILED", "make destroy STAGE=prod"),
    ],
)
def test_a_stack_that_is_stuck_is_not_deployed_to(status: str, cure: str) -> None:
    with pytest.raises(CommandError, match=f"{SERVICE} is {status} and cannot be deployed; first run {cure}"):
        prepare(FakeStacks({SERVICE: status}).session, prod(), adopt=False)


def test_what_a_stage_keeps_is_protected_once_it_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    stacks = FakeStacks({SERVICE: "CREATE_COMPLETE", PAGE: "ROLLBACK_COMPLETE"})
    protect(stacks.session, prod())
    assert stacks.protected == {SERVICE: True, PAGE: False}
    assert capsys.readouterr().out == f"{SERVICE} is protected from deletion\n"


def test_a_stage_that_keeps_nothing_is_never_protected() -> None:
    stacks = FakeStacks({"skysort-service-dev": "CREATE_COMPLETE"})
    protect(stacks.session, dev())
    assert stacks.protected == {"skysort-service-dev": False}


def test_a_page_has_to_go_before_its_stage_is_deployed_without_one() -> None:
    stage = dataclasses.replace(prod(), page=False)
    assert prepare(FakeStacks({SERVICE: "CREATE_COMPLETE"}).session, stage, adopt=False) == ()
    with pytest.raises(CommandError, match="make destroy STAGE=prod ARGS=--page"):
        prepare(FakeStacks({SERVICE: "CREATE_COMPLETE", PAGE: "CREATE_COMPLETE"}).session, stage, adopt=False)
