"""POST /v1/classify/image and GET /v1/models/image/ready: photographs as ImageNet classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.http.api import serve
from skysort.http.pictures import load_classifier, picture_api
from skysort.observability import Start, logger, metrics
from skysort.settings import ModelSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = ModelSettings.from_environment(os.environ, "image", Path(__file__).parent)
classifier = load_classifier(settings)
api = picture_api("image", classifier, settings.clients)
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
