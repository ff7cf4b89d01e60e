"""Why the HTTP API is as it is where cdk-nag would have it otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.constructs.reasons import acknowledge
from infra.stages.api import PUBLIC_PATHS, Cognito

if TYPE_CHECKING:
    from aws_cdk import aws_apigateway as apigateway

    from infra.stages.api import ApiSettings

_PUSH_LOGS: Final = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def explain(rest: apigateway.RestApi, settings: ApiSettings) -> None:
    """Write down the reasons, each on the part of the API that it is about."""
    acknowledge(
        rest,
        "APIG2",
        "the functions validate requests themselves: a body may be a picture, a form, CSV or JSON, and what is wrong "
        "with it is said field by field in the one problem form",
    )
    stage = rest.deployment_stage
    acknowledge(
        stage,
        "APIG6",
        "every request is in the access log and in its function's own; the gateway's execution log would hold callers' "
        "bodies besides, at its own cost",
    )
    if settings.firewall is None:
        acknowledge(stage, "APIG3", "no firewall on this stage: keys, throttles and quotas hold its few callers back")
    if settings.log_role:
        acknowledge(
            rest.node.find_child("CloudWatchRole"),
            f"IAM4[Policy::{_PUSH_LOGS}]",
            "the one managed policy made for this role, which API Gateway alone assumes, to write logs",
        )
    for method in rest.methods:
        _explain_access(method, settings)


def _explain_access(method: apigateway.Method, settings: ApiSettings) -> None:
    if method.resource.path in PUBLIC_PATHS:
        reason = "anybody may read how to call: health, model cards and the contract are public"
        acknowledge(method, "APIG4", reason)
        acknowledge(method, "COG4", reason)
    elif settings.authoriser is None:
        reason = "callers show an API key that a usage plan throttles; a stage may ask for IAM or Cognito besides"
        acknowledge(method, "APIG4", reason)
        acknowledge(method, "COG4", reason)
    elif not isinstance(settings.authoriser, Cognito):
        acknowledge(method, "COG4", "callers sign with AWS credentials on this stage, in place of a user pool's token")
