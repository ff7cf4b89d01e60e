"""Versions: a new one wherever its function changed, which Lambda can always publish, and which a rollback finds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first
from aws_cdk.assertions import Template  # noqa: E402

from infra.constructs.function import ModelFunction  # noqa: E402
from infra.stages.deployments import dev  # noqa: E402
from infra.stages.functions import SnapStart  # noqa: E402
from tests.infra.synth import CONTEXT  # noqa: E402

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised


def published(role: str = "", **changes: Any) -> tuple[str, str]:
    """The description of a function with changed settings, and the logical id of its version."""
    stack = cdk.Stack(cdk.App(context=CONTEXT), "service")
    settings = dataclasses.replace(dev().functions["control"], **changes)
    function = ModelFunction(stack, "control", stage=dev(), settings=settings)
    if role:
        resource = function.role.node.default_child
        assert isinstance(resource, cdk.CfnResource)
        resource.override_logical_id(role)
    template = Template.from_stack(stack)
    ((_, deployed),) = template.find_resources("AWS::Lambda::Function").items()
    ((version, _),) = template.find_resources("AWS::Lambda::Version").items()
    return deployed["Properties"]["Description"], version


@pytest.fixture(scope="module")
def before() -> tuple[str, str]:
    return published()


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_mb": 2_048},
        {"timeout_s": 20},
        {"scratch_mb": 1_024},
        {"handler": "brake.handler"},
        {"environment": {"SKYSORT_THREADS": "1"}},
        {"image": "bulk"},
        {"warm": SnapStart(), "signs": False},
        # Another role of the same function: Lambda may see no difference, CloudFormation does
        {"role": "RenamedRole"},
    ],
    ids=str,
)
def test_what_makes_a_new_version_can_be_published(changes: dict[str, Any], before: tuple[str, str]) -> None:
    description, version = published(**changes)
    assert version != before[1]
    assert description != before[0]


@pytest.mark.parametrize("changes", [{}, {"reserved_concurrency": 11}], ids=str)
def test_what_no_version_locks_makes_none(changes: dict[str, Any], before: tuple[str, str]) -> None:
    assert published(**changes) == before


def test_every_function_says_which_stage_and_revision_it_is(stage: Synthesised) -> None:
    functions = stage.resources("AWS::Lambda::Function")
    revisions = {one.properties["Description"].rpartition(", revision ")[2] for one in functions}
    assert len(revisions) == len(functions)
    name = stage.stage.name
    assert stage.one("StarFunction").properties["Description"].startswith(f"skysort star, stage {name}, revision ")


def test_every_variable_is_part_of_the_revision(stage: Synthesised) -> None:
    functions = [one for one in stage.app.node.find_all() if isinstance(one, ModelFunction)]
    assert len(functions) == len(stage.resources("AWS::Lambda::Function"))
    for function in functions:
        deployed = stage.named("AWS::Lambda::Function", "FunctionName", f"skysort-{function.name}-{stage.stage.name}")
        assert deployed.properties["Environment"]["Variables"].keys() == function.variables.keys()


def test_versions_are_kept_for_a_rollback_unless_their_deployment_failed(stage: Synthesised) -> None:
    """A version that a failed deployment leaves is the one that the next attempt would publish."""
    versions = stage.resources("AWS::Lambda::Version")
    assert {one.whole["DeletionPolicy"] for one in versions} == {"RetainExceptOnCreate"}
    assert {one.whole["UpdateReplacePolicy"] for one in versions} == {"Retain"}


def test_a_failed_first_deployment_leaves_nothing_in_the_way_of_the_next(stage: Synthesised) -> None:
    """Only what has no name of its own: the account's role for API Gateway's logs, which other stages use too."""
    retained = {one.type for one in stage.resources() if one.whole.get("DeletionPolicy") == "Retain"}
    assert retained <= {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
