"""GET /v1/health, /v1/models and /v1/models/{name}."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations

import skysort
from skysort.card import CardShelf
from skysort.http.api import build_api, json_response, serve
from skysort.observability import logger, metrics
from skysort.settings import ControlSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = ControlSettings.from_environment(os.environ, Path(__file__).parent)
shelf = CardShelf(settings.cards_folder)
api = build_api()


@api.get("/v1/health")
def health() -> Response[str]:
    """Liveness: the service answers."""
    return json_response({"status": "ok", "version": skysort.__version__})


@api.get("/v1/models")
def models() -> Response[str]:
    """Every model's name, version, architecture and labels."""
    return json_response({"models": [shelf.get(name).summary() for name in shelf.names()]})


@api.get("/v1/models/<name>")
def model(name: str) -> Response[str]:
    """One model's whole card."""
    return json_response(shelf.get(name).document)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
