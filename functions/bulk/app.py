"""The steps of bulk jobs before and after their parts: one event of the state machine a step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skysort.errors import ConfigurationError
from skysort.observability import Start, logger
from skysort.settings import BulkSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = BulkSettings.from_environment(os.environ)
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Do one step; raises ConfigurationError for one that it does not know."""
    logger.append_keys(job=event.get("key"), step=event.get("step"))
    if event.get("step") == "ready":
        return {"ready": True}
    raise ConfigurationError(f"there is no step {event.get('step')!r}; the steps are ready")
