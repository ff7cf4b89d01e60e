"""The release hook: tells CloudFormation and CodeDeploy whether a new version of a function may take over."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.model_card import ModelRegistry
from skysort.observability import logger
from skysort.release.aws import Deployment, respond
from skysort.release.hook import ReleaseHook
from skysort.release.verifier import VersionVerifier, Watcher
from skysort.release.warmth import Warmth
from skysort.settings import HookSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FOLDER = Path(__file__).parent

settings = HookSettings.from_environment(os.environ, FOLDER)
deployment = Deployment()
hook = ReleaseHook(
    verifier=VersionVerifier(deployment.invoke, FOLDER / "reference", ModelRegistry(settings.cards_folder)),
    watcher=Watcher(deployment.raised, time.monotonic, time.sleep),
    warmth=Warmth(deployment.provisioned, deployment.provision),
    respond=respond,
    report=deployment.report,
    versions=settings.versions,
    clock=time.monotonic,
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Handle one CloudFormation or CodeDeploy event."""
    return hook.answer(event)
