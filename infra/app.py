"""The CDK app: `make synth STAGE=dev`, or `python -m infra.app` from the project's root.

Context: `-c stage=dev` selects the stage (default dev), `-c config=PATH` its configuration; others are single settings
(infra/stages/config.py). Without account and region the templates are environment-agnostic. `-c endpoint=URL` sets the
AWS endpoint of the functions, for templates used on one machine.
"""

from __future__ import annotations

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which must be selected first

from infra.stacks.page import PageStack  # noqa: E402
from infra.stacks.service import ServiceStack  # noqa: E402
from infra.stages.config import stage as configured  # noqa: E402
from infra.stages.functions import StageError  # noqa: E402


def build(app: cdk.App) -> ServiceStack:
    """Add the stacks of a stage to the app; raises StageError for a stage that cannot be deployed."""
    context = app.node.get_all_context()
    name = context.get("stage") or "dev"
    stage = configured(name, context)
    stage.operations.check_recipients(name)
    environment = cdk.Environment(account=stage.account, region=stage.region)
    service = ServiceStack(app, f"skysort-service-{name}", stage=stage, environment=environment)
    if endpoint := context.get("endpoint"):
        for function in service.functions.values():
            function.add_variable("AWS_ENDPOINT_URL", endpoint)
    if stage.page:
        PageStack(app, f"skysort-page-{name}", stage=stage, service=service, environment=environment)
    return service


if __name__ == "__main__":
    application = cdk.App()
    try:
        build(application)
    except StageError as error:
        raise SystemExit(f"this stage cannot be deployed: {error}") from None
    application.synth()
