"""The CDK app: `make synth STAGE=dev`, or `python -m infra.app` from the project's root.

Context: `-c stage=dev` selects the stage (default dev); `-c account=... -c region=...` bind it to an environment
(without them the templates are environment-agnostic); `-c reserve=no` reserves no concurrency, for accounts with a low
limit; `-c endpoint=URL` sets the AWS endpoint of the functions, for templates used on one machine.
"""

from __future__ import annotations

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which must be selected first

from infra.stacks.page import PageStack  # noqa: E402
from infra.stacks.service import ServiceStack  # noqa: E402
from infra.stages.deployments import AWS_STAGES  # noqa: E402
from infra.stages.functions import StageError  # noqa: E402


def build(app: cdk.App) -> ServiceStack:
    """Add the stacks of a stage to the app; raises StageError for a stage that cannot be deployed."""
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
