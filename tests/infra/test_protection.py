"""A stack of a stage that keeps its data is protected from deletion, but for those that are yet to be created."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
import pytest

from infra.stacks.base import StageStack
from infra.stages.deployments import dev, prod

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage


@pytest.mark.parametrize(
    ("stage", "unprotected", "protected"),
    [
        (prod(), None, True),
        (prod(), "skysort-page-prod", True),
        (prod(), "skysort-page-prod,skysort-service-prod", False),
        (dev(), None, False),
    ],
)
def test_a_stack_is_protected_unless_it_is_yet_to_be_created(
    stage: AwsStage, unprotected: str | None, protected: bool
) -> None:
    app = cdk.App(context={"unprotected": unprotected} if unprotected else {})
    stack = StageStack(app, f"skysort-service-{stage.name}", stage=stage, description="a stack", environment=None)
    assert bool(stack.termination_protection) is protected
