"""The HTTP routes of a picture model: the same for every model, under its own name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations
from aws_lambda_powertools.metrics import MetricUnit

from skysort.answer_metrics import count_answers
from skysort.cache import AnswerCache
from skysort.clients import Sharing, client_of
from skysort.http.api import (
    Explain,
    Labels,
    TopK,
    build_api,
    content_type,
    json_response,
    query_options,
    raw_body,
)
from skysort.observability import metrics
from skysort.pictures.bodies.body import read_body
from skysort.pictures.bodies.remote import DroppedPictures, owned
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.settings import ModelSettings


def load_classifier(settings: ModelSettings) -> PictureClassifier:
    """Load a model and make it predict once: the first prediction is slow, and a model that fails must not start."""
    classifier = PictureClassifier(
        PictureModel.load(settings.model_folder, settings.threads),
        AnswerCache(settings.cache_entries),
        DroppedPictures(settings.drop_bucket) if settings.drop_bucket else None,
    )
    classifier.self_test()
    return classifier


def picture_api(
    name: str, classifier: PictureClassifier, clients: Sharing = Sharing.SEPARATE
) -> APIGatewayRestResolver:
    """POST /v1/classify/<name> and GET /v1/models/<name>/ready.

    clients: whether an s3_key may name any client's file, or the asking one's alone.
    """
    api = build_api()

    @api.post(f"/v1/classify/{name}")
    def classify_pictures(top_k: TopK = None, labels: Labels = None, explain: Explain = None) -> Response[str]:
        """Classify pictures: a form of files, a bare picture or JSON."""
        event = api.current_event
        request = read_body(raw_body(event), content_type(event))
        if any(item.s3_key is not None for item in request.items):
            request = replace(request, items=owned(request.items, client_of(event.raw_event, clients)))
        answer = classifier.answer(request, query_options(event, top_k=top_k, labels=labels, explain=explain))
        metrics.add_metric("PicturesClassified", MetricUnit.Count, len(answer["results"]))
        count_answers(answer["results"], classifier.labels)
        metrics.add_metric("DecodeTime", MetricUnit.Milliseconds, answer["timing_ms"]["decode"])
        metrics.add_metric("PredictTime", MetricUnit.Milliseconds, answer["timing_ms"]["predict"])
        return json_response(answer)

    @api.get(f"/v1/models/{name}/ready")
    def ready() -> Response[str]:
        """Ready when a real prediction on a built-in sample comes out sound."""
        return json_response(classifier.self_test())

    return api
