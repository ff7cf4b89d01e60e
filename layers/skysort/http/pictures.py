"""A picture model behind HTTP: loading it, and reading its requests, with pictures in the drop bucket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from skysort.cache import AnswerCache
from skysort.clients import Sharing, client_of
from skysort.http.classify import classify_api
from skysort.pictures.bodies.body import read_body
from skysort.pictures.bodies.remote import DroppedPictures, owned
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.clients import Client
    from skysort.pictures.bodies.request import PictureRequest
    from skysort.settings import ModelSettings


def load_classifier(settings: ModelSettings) -> PictureClassifier:
    """Load a model and predict once: the first prediction is slow, and a broken model must not start."""
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
    """The API of a picture model. clients: whether an s3_key may name any client's file, or only the caller's own."""

    def read(body: bytes, content_type: str) -> PictureRequest:
        return read_owned(body, content_type, lambda: client_of(api.current_event.raw_event, clients))

    api = classify_api(name, classifier, read)
    return api


def read_owned(body: bytes, content_type: str, client: Callable[[], Client]) -> PictureRequest:
    """Parse a request's body. client: asked only for a request with s3_keys, which may name that client's files."""
    request = read_body(body, content_type)
    if all(item.s3_key is None for item in request.items):
        return request
    return replace(request, items=owned(request.items, client()))
