"""The service: functions, HTTP API, drop folder, and what watches over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from infra.constructs.function import ModelFunction

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stage_settings import Stage


class ServiceStack(cdk.Stack):
    """skysort-service-<stage>: one stack, so that `sam local start-api` finds API and functions in one template."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, environment: cdk.Environment | None = None) -> None:
        super().__init__(scope, id_, env=environment, description=f"skysort, stage {stage.name}")
        self.functions = {
            name: ModelFunction(self, name, stage=stage, settings=settings)
            for name, settings in stage.functions.items()
        }
