"""The star model behind HTTP: the built-in one, and trained ones by ``?model=``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations
from aws_lambda_powertools.event_handler.openapi.params import Query

from skysort.clients import client_of
from skysort.errors import FieldError, InvalidFieldsError
from skysort.http.api import build_api, content_type, json_response, raw_body
from skysort.http.classify import Explain, Labels, Prior, TopK, answer_response, query_options
from skysort.json_document import GIVEN_TWICE
from skysort.models import TRAINED_ROWS
from skysort.star.body import read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.clients import Sharing
    from skysort.star.classify import StarClassifier

_MODEL: Final = "model"
TrainedModel = Annotated[list[str] | None, Query(description="name of a trained model, in place of the built-in one")]


def star_api(
    classifier: StarClassifier, trained: Callable[[str, str], StarClassifier], clients: Sharing
) -> APIGatewayRestResolver:
    """The API of the star model.

    Parameters
    ----------
    classifier
        The built-in model.
    trained
        The live version of a trained model by owner and name; raises NotFoundError.
    clients
        Whether clients share their models.

    Returns
    -------
    Its routes.
    """
    api, about = build_api(), TRAINED_ROWS

    @api.post(about.classify_path)
    def classify(
        top_k: TopK = None,
        labels: Labels = None,
        explain: Explain = None,
        prior: Prior = None,
        model: TrainedModel = None,
    ) -> Response[str]:
        """Classify the rows of the body."""
        event = api.current_event
        chosen = classifier
        if name := _name(model):
            from skysort.registry.keys import owner_of  # noqa: PLC0415 - few requests ask for a trained model

            chosen = trained(owner_of(client_of(event.raw_event, clients)), name)
        request = read_body(raw_body(event), content_type(event), chosen.schema)
        options = query_options(event, also=(_MODEL,), top_k=top_k, labels=labels, explain=explain, prior=prior)
        return answer_response(chosen.answer(request, options), () if name else chosen.labels, about)

    @api.get(about.ready_path)
    def ready() -> Response[str]:
        """Ready when a prediction for a built-in sample succeeds."""
        return json_response(classifier.self_test())

    return api


def _name(given: Sequence[str] | None) -> str:
    """The trained model's name, empty for none; raises InvalidFieldsError."""
    names = [name.strip() for name in given or () if name.strip()]
    if len(names) > 1:
        raise InvalidFieldsError([FieldError(_MODEL, GIVEN_TWICE, f"is given {len(names)} times; give it once")])
    return names[0] if names else ""
