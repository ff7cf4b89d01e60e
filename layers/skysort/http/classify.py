"""The HTTP routes of a model: POST /v1/classify/<name> and GET /v1/models/<name>/ready, the same for every model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar, cast

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.metrics import MetricUnit

from skysort.errors import FieldError, InvalidFieldsError
from skysort.http.api import build_api, content_type, json_response, raw_body
from skysort.json_document import gathered
from skysort.models import MODELS
from skysort.observability import count_answers, metrics
from skysort.prior_option import OPTION as PRIOR
from skysort.prior_option import OTHER_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from skysort.answers import PictureAnswer, Ready, StarAnswer
    from skysort.models import Model

# Options of the query string; skysort.options parses them, as it does a form's.
TopK = Annotated[list[str] | None, Query(description="number of predictions per item, best first")]
Labels = Annotated[list[str] | None, Query(description="labels to choose from, separated by commas")]
Explain = Annotated[list[str] | None, Query(description="whether to explain each result")]
Prior = Annotated[
    list[str] | None,
    Query(description="class shares of the data at hand, by which probabilities are re-weighted: label:share,..."),
]
Request_contra = TypeVar("Request_contra", contravariant=True)


class Classifier(Protocol[Request_contra]):
    """A loaded model: skysort.star.classify.StarClassifier, skysort.pictures.classify.PictureClassifier."""

    @property
    def labels(self) -> Sequence[str]:
        """The model's labels."""

    def answer(self, request: Request_contra, query: Mapping[str, object]) -> StarAnswer | PictureAnswer:
        """Classify a request; query: the options of the query string."""

    def self_test(self) -> Ready:
        """Classify a built-in sample; raises InfrastructureError if that fails."""


def classify_api(
    name: str, classifier: Classifier[Request_contra], read: Callable[[bytes, str], Request_contra]
) -> APIGatewayRestResolver:
    """The API of a model. read: parses a request from a body and its content type."""
    api, model = build_api(), MODELS[name]

    @api.post(model.classify_path)
    def classify(top_k: TopK = None, labels: Labels = None, explain: Explain = None) -> Response[str]:
        """Classify the items of the body."""
        event = api.current_event
        request = read(raw_body(event), content_type(event))
        answer = classifier.answer(request, query_options(event, top_k=top_k, labels=labels, explain=explain))
        return answer_response(answer, classifier.labels, model)

    @api.get(model.ready_path)
    def ready() -> Response[str]:
        """Ready when a prediction for a built-in sample succeeds."""
        return json_response(classifier.self_test())

    return api


def answer_response(answer: StarAnswer | PictureAnswer, labels: Sequence[str], model: Model) -> Response[str]:
    """The response with an answer, which is counted. labels: the labels it may have."""
    metrics.add_metric(f"{model.input.name.capitalize()}Classified", MetricUnit.Count, len(answer["results"]))
    count_answers(answer["results"], labels)
    timing = cast("Mapping[str, float]", answer["timing_ms"])
    for part in timing.keys() & {"decode", "predict"}:
        metrics.add_metric(f"{part.capitalize()}Time", MetricUnit.Milliseconds, timing[part])
    return json_response(answer)


def query_options(
    event: APIGatewayProxyEvent, also: Sequence[str] = (), **values: list[str] | None
) -> dict[str, object]:
    """The options of the query string.

    Parameters
    ----------
    event
        The request.
    also
        Parameters that are none of the options.
    **values
        The values of each option that the model takes.

    Returns
    -------
    Text, or Repeated.

    Raises
    ------
    InvalidFieldsError
        For any other parameter.
    """
    known = (*values, *also)
    unknown = [name for name in event.query_string_parameters if name not in known]
    if unknown:
        choices = ", ".join(known)
        raise InvalidFieldsError(
            [
                FieldError(name, "no_prior", OTHER_MODEL)
                if name == PRIOR
                else FieldError(name, "unknown_option", f"unknown option; choose from {choices}")
                for name in unknown
            ]
        )
    return gathered((name, value) for name, items in values.items() for value in items or ())
