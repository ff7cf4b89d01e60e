"""POST /v1/classify/star and GET /v1/models/star/ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations
from aws_lambda_powertools.metrics import MetricUnit

from skysort.answer_metrics import count_answers
from skysort.cache import AnswerCache
from skysort.cold_start import Start
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
from skysort.observability import logger, metrics
from skysort.settings import ModelSettings
from skysort.star.body import read_body
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = ModelSettings.from_environment(os.environ, "star", Path(__file__).parent)
classifier = StarClassifier(
    StarModel.load(settings.model_folder, settings.threads), AnswerCache(settings.cache_entries)
)
api = build_api()
start.done()


@api.post("/v1/classify/star")
def classify(top_k: TopK = None, labels: Labels = None, explain: Explain = None) -> Response[str]:
    """Classify one row, many rows or a CSV as GALAXY, QSO or STAR."""
    event = api.current_event
    request = read_body(raw_body(event), content_type(event))
    answer = classifier.answer(request, query_options(event, top_k=top_k, labels=labels, explain=explain))
    metrics.add_metric("RowsClassified", MetricUnit.Count, len(answer["results"]))
    count_answers(answer["results"], classifier.labels)
    metrics.add_metric("PredictTime", MetricUnit.Milliseconds, answer["timing_ms"]["predict"])
    return json_response(answer)


@api.get("/v1/models/star/ready")
def ready() -> Response[str]:
    """Ready when a real prediction on a built-in sample comes out as expected."""
    return json_response(classifier.self_test())


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
