"""Trained picture models behind HTTP: POST /v1/classify/custom/<name> and GET /v1/models/custom/ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations

from skysort.clients import client_of
from skysort.http.api import build_api, content_type, json_response, raw_body
from skysort.http.classify import Explain, Labels, Prior, TopK, answer_response, query_options
from skysort.http.pictures import read_owned
from skysort.models import CUSTOM
from skysort.registry.keys import owner_of

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.clients import Client, Sharing
    from skysort.custom.classify import CustomClassifier


def custom_api(classifier: CustomClassifier, clients: Sharing) -> APIGatewayRestResolver:
    """The API of trained picture models. clients: whether they share their models and files."""
    api = build_api()

    def client() -> Client:
        """The client of the current request; raises UnauthenticatedError."""
        return client_of(api.current_event.raw_event, clients)

    @api.post(f"{CUSTOM.classify_path}/<name>")
    def classify(
        name: str, top_k: TopK = None, labels: Labels = None, explain: Explain = None, prior: Prior = None
    ) -> Response[str]:
        """Classify the pictures of the body by the live version of a trained model."""
        event, owner = api.current_event, owner_of(client())
        request = read_owned(raw_body(event), content_type(event), client)
        options = query_options(event, top_k=top_k, labels=labels, explain=explain, prior=prior)
        answer = classifier.answer(request, options, owner, name)
        # Labels of other people's choice would be metrics without end.
        return answer_response(answer, (), CUSTOM)

    @api.get(CUSTOM.ready_path)
    def ready() -> Response[str]:
        """Ready when both networks give features of a built-in sample."""
        return json_response(classifier.self_test())

    return api
