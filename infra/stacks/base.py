"""What the stacks of a stage have in common: where they go, tags, bootstrap, boundary, and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stages.stage import AwsStage


class StageStack(cdk.Stack):
    """A stack of a stage, by the stage's qualifier, with its boundary on every role and its tags on every resource."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: AwsStage, description: str, environment: cdk.Environment | None
    ) -> None:
        boundary, qualifier = stage.permissions_boundary, stage.qualifier
        super().__init__(
            scope,
            id_,
            env=environment,
            description=description,
            termination_protection=stage.keep_data and id_ not in _unprotected(scope),
            permissions_boundary=cdk.PermissionsBoundary.from_arn(boundary) if boundary else None,
            synthesizer=cdk.DefaultStackSynthesizer(qualifier=qualifier) if qualifier else None,
        )
        self._stage = stage
        for name, value in stage.tags.items():
            cdk.Tags.of(self).add(name, value)

    def output(self, name: str, value: str, description: str | None = None) -> None:
        """An output, also as the parameter /skysort/<stage>/<name> if the stage has its outputs there."""
        cdk.CfnOutput(self, name, value=value, description=description)
        if self._stage.parameters:
            ssm.StringParameter(
                self,
                f"Parameter{name}",
                parameter_name=f"/skysort/{self._stage.name}/{name}",
                string_value=value,
                description=description,
            )


def _unprotected(scope: Construct) -> list[str]:
    """The stacks that the deploy command is about to create, and protects once they exist (commands/stack_state.py)."""
    named: str = scope.node.try_get_context("unprotected") or ""
    return named.split(",")
