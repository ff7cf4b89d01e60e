"""POST /v1/classify/star, for the built-in model and trained ones, and GET /v1/models/star/ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.cache import AnswerCache
from skysort.http.api import serve
from skysort.http.stars import star_api
from skysort.observability import Start, logger, metrics
from skysort.settings import ModelSettings
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel
from skysort.star.trained import TrainedStars

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.answers import StarClasses

start = Start()
settings = ModelSettings.from_environment(os.environ, "star", Path(__file__).parent)
cache: AnswerCache[StarClasses] = AnswerCache(settings.cache_entries)
classifier = StarClassifier(StarModel.load(settings.model_folder, settings.threads), cache)
trained = TrainedStars(settings.models_bucket, cache, settings.threads)
api = star_api(classifier, trained.get, settings.clients)
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
