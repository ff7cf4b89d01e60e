"""The request by which a function that answers is asked whether it is ready."""

from __future__ import annotations

from typing import Final

from infra.stages.functions import StageError
from skysort.models import CUSTOM, MODELS

# By function: cheap, for any caller.
READINESS: Final = {**{model.name: model.ready_path for model in (*MODELS.values(), CUSTOM)}, "control": "/v1/health"}


def readiness_request(function: str) -> dict[str, object]:
    """The REST proxy event by which a function is asked; raises StageError if it has no such path."""
    path = READINESS.get(function)
    if path is None:
        raise StageError(
            f"{function} answers no requests, so nothing can keep its utilisation known while it is idle, and its "
            "provisioned concurrency cannot follow it; use Provisioned without a maximum and a schedule"
        )
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"requestId": "heartbeat", "path": path, "httpMethod": "GET", "resourcePath": path},
        "body": None,
        "isBase64Encoded": False,
    }
