"""The flood brake: invoked by a CloudWatch alarm, it stops the stage's uploads, results and queues."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3

from skysort.observability import logger
from skysort.release.brake import Brake
from skysort.settings import BrakeSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

iam = boto3.client("iam")
settings = BrakeSettings.from_environment(os.environ)
brake = Brake(lambda role, policy: iam.attach_role_policy(RoleName=role, PolicyArn=policy), settings)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Handle one alarm event."""
    stopped = brake.answer(event)
    logger.warning("stopped", extra={"roles": stopped, "alarm": (event.get("alarmData") or {}).get("alarmName")})
    return {"stopped": stopped}
