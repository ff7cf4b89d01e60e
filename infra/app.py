"""The CDK app: `make synth STAGE=dev`, or `python -m infra.app` from the project's root.

Context: `-c stage=dev` names the stage, dev by default; `-c account=... -c region=...` bind it to one place (without
them the templates hold for every account and region); `-c reserve=no` reserves no concurrency, for an account that
has little; `-c endpoint=URL` has the functions find AWS at this address, for templates that stay on one machine.
"""

from __future__ import annotations

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first

from infra.stacks.page import PageStack  # noqa: E402
from infra.stacks.service import ServiceStack  # noqa: E402
from infra.stages.deployments import AWS_STAGES  # noqa: E402
from infra.stages.functions import StageError  # noqa: E402


def build(app: cdk.App) -> ServiceStack:
    """Add a stage's stacks to the app; StageError says which stage cannot be deployed, and why."""
    name = app.node.try_get_context("stage") or "dev"
    if name not in AWS_STAGES:
        raise StageError(f"unknown stage {name!r}; choose from {', '.join(AWS_STAGES)} (-c stage=dev)")
    stage = AWS_STAGES[name]()
    if app.node.try_get_context("reserve") == "no":
        stage = stage.without_reservations()
    environment = cdk.Environment(
        account=app.node.try_get_context("account"), region=app.node.try_get_context("region")
    )
    service = ServiceStack(app, f"skysort-service-{name}", stage=stage, environment=environment)
    if endpoint := app.node.try_get_context("endpoint"):
        for function in service.functions.values():
            function.function.add_environment("AWS_ENDPOINT_URL", endpoint)
    PageStack(app, f"skysort-page-{name}", stage=stage, service=service, environment=environment)
    return service


if __name__ == "__main__":
    application = cdk.App()
    try:
        build(application)
    except StageError as error:
        raise SystemExit(f"this stage cannot be deployed: {error}") from None
    application.synth()
