"""POST /v1/classify/custom/{name} and GET /v1/models/custom/ready: pictures as the classes of a trained model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.cache import AnswerCache
from skysort.custom.classify import CustomClassifier, live_models
from skysort.custom.networks import Networks
from skysort.http.api import serve
from skysort.http.custom import custom_api
from skysort.observability import Start, logger, metrics
from skysort.pictures.bodies.remote import DroppedPictures
from skysort.registry.store import S3ModelStore
from skysort.settings import CustomSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = CustomSettings.from_environment(os.environ, Path(__file__).parent)
networks = Networks.load(settings.networks.galaxy_folder, settings.networks.image_folder, settings.networks.threads)
classifier = CustomClassifier(
    live_models(S3ModelStore.from_environment(settings.models_bucket, os.environ), networks),
    networks,
    AnswerCache(settings.cache_entries),
    DroppedPictures(settings.drop_bucket) if settings.drop_bucket else None,
)
# The first prediction is slow, and broken networks must not start.
classifier.self_test()
api = custom_api(classifier, settings.clients)
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
