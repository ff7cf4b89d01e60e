"""POST /v1/classify/galaxy and GET /v1/models/galaxy/ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations
from aws_lambda_powertools.metrics import MetricUnit

from skysort.cache import AnswerCache
from skysort.http.api import (
    Explain,
    Labels,
    TopK,
    build_api,
    content_type,
    json_response,
    query_options,
    raw_body,
    serve,
)
from skysort.images.body import read_body
from skysort.images.classify import PictureClassifier
from skysort.images.model import PictureModel
from skysort.images.remote import DroppedPictures
from skysort.images.settings import PictureSettings
from skysort.observability import logger, metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = PictureSettings.from_environment(os.environ, "galaxy", Path(__file__).parent)
classifier = PictureClassifier(
    PictureModel.load(settings.model_folder, settings.threads),
    AnswerCache(settings.cache_entries),
    DroppedPictures(settings.drop_bucket) if settings.drop_bucket else None,
)
# The first prediction is slow, and a model that cannot make one should not start.
classifier.self_test()
api = build_api()


@api.post("/v1/classify/galaxy")
def classify(top_k: TopK = None, labels: Labels = None, explain: Explain = None) -> Response[str]:
    """Classify galaxy cutouts as Galaxy Zoo 2 morphology classes: a form of files, a bare picture or JSON."""
    event = api.current_event
    request = read_body(raw_body(event), content_type(event))
    answer = classifier.answer(request, query_options(event, top_k=top_k, labels=labels, explain=explain))
    metrics.add_metric("PicturesClassified", MetricUnit.Count, len(answer["results"]))
    metrics.add_metric("DecodeTime", MetricUnit.Milliseconds, answer["timing_ms"]["decode"])
    metrics.add_metric("PredictTime", MetricUnit.Milliseconds, answer["timing_ms"]["predict"])
    return json_response(answer)


@api.get("/v1/models/galaxy/ready")
def ready() -> Response[str]:
    """Ready when a real prediction on a built-in sample comes out sound."""
    return json_response(classifier.self_test())


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
