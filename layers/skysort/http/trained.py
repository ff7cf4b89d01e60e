"""The HTTP routes of trainings and trained models."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skysort import json_document
from skysort.errors import InvalidFieldsError
from skysort.http.api import content_type, json_response, raw_body
from skysort.http.links import located
from skysort.limits import MODEL_NAME_CHARACTERS, TRAINING_BODY_BYTES, TRAININGS_LISTED
from skysort.registry.keys import owner_of
from skysort.registry.names import NAME_PATTERN, TRAINING_PATTERN, VERSION_PATTERN, spelled
from skysort.trainings.request import read_body
from skysort.trainings.service import LISTED_BY_DEFAULT
from skysort.validation_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.clients import Client
    from skysort.registry.catalogue import Catalogue
    from skysort.registry.promotion import Promotions
    from skysort.registry.versions import VersionFiles
    from skysort.trainings.service import TrainingService

_STRICT: Final = ConfigDict(extra="forbid", strict=True, frozen=True)
_CURSOR_CHARACTERS: Final = 60
# Patterns are for callers; what does not match them is not found.
Name = Annotated[
    str,
    Path(
        description="the name of a trained model",
        json_schema_extra={"pattern": NAME_PATTERN, "maxLength": MODEL_NAME_CHARACTERS},
    ),
]
Version = Annotated[
    str, Path(description="a version, or its first digits", json_schema_extra={"pattern": VERSION_PATTERN})
]
TrainingId = Annotated[str, Path(description="the id of a training", json_schema_extra={"pattern": TRAINING_PATTERN})]
Limit = Annotated[
    int, Field(ge=1, le=TRAININGS_LISTED), Query(description=f"maximum number to list, {LISTED_BY_DEFAULT} by default")
]
Next = Annotated[
    str | None,
    Field(min_length=1, max_length=_CURSOR_CHARACTERS, json_schema_extra={"pattern": TRAINING_PATTERN}),
    Query(alias="next", description="the next of an earlier answer"),
]
GivenVersion = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": VERSION_PATTERN})]


class PromoteRequest(BaseModel):
    """The version to make live."""

    model_config = _STRICT

    version: GivenVersion = Field(description="the version, or its first digits")
    force: bool = Field(False, description="whether to promote it even if it is worse than the live one")


class RollbackRequest(BaseModel):
    """The version to go back to."""

    model_config = _STRICT

    to: GivenVersion | None = Field(
        None, description="a version that was live before; by default the one before the present one"
    )


Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class TrainedServices:
    """The services behind the routes."""

    catalogue: Catalogue
    promotions: Promotions
    versions: VersionFiles
    trainings: TrainingService

    def check_model(self, model: str, client: Client) -> None:
        """Check that a client has a model, if it is spelled as a trained one; raises NotFoundError."""
        name = spelled(model)
        if name is not None:
            self.catalogue.require(owner_of(client), name)


def add_trained_routes(api: APIGatewayRestResolver, services: TrainedServices, client: Callable[[], Client]) -> None:
    """Add the routes to an API. client: the client of the current request; raises UnauthenticatedError."""
    _training_routes(api, services.trainings, client)
    _reading_routes(api, services.catalogue, lambda: owner_of(client()))
    _changing_routes(api, services, lambda: owner_of(client()))


def _training_routes(api: APIGatewayRestResolver, service: TrainingService, client: Callable[[], Client]) -> None:
    def here() -> str:
        return api.current_event.resource

    @api.post("/v1/trainings")
    def start_training() -> Response[str]:
        """Start a training."""
        request = read_body(raw_body(api.current_event), content_type(api.current_event))
        return json_response(located(service.start(request, client()), here()), HTTPStatus.ACCEPTED)

    @api.get("/v1/trainings")
    def trainings(*, limit: Limit = LISTED_BY_DEFAULT, following: Next = None) -> Response[str]:
        """The trainings, the newest first."""
        return json_response(located(service.page(client(), limit, following or ""), here(), "trainings"))

    @api.get("/v1/trainings/<id>")
    def training(id: TrainingId) -> Response[str]:  # noqa: A002 - the parameter's name in the path
        """One training."""
        return json_response(located(service.get(id, client()), here()))


def _reading_routes(api: APIGatewayRestResolver, catalogue: Catalogue, owner: Callable[[], str]) -> None:
    @api.get("/v1/trained")
    def trained_models() -> Response[str]:
        """The trained models in short."""
        return json_response({"trained": catalogue.summaries(owner())})

    @api.get("/v1/trained/<name>")
    def trained_model(name: Name) -> Response[str]:
        """A trained model with the card of its live version."""
        return json_response(catalogue.model(owner(), name))

    @api.get("/v1/models/<name>/versions")
    def versions(name: Name) -> Response[str]:
        """The versions of a trained model."""
        return json_response({"versions": catalogue.versions(owner(), name)})

    @api.get("/v1/models/<name>/versions/<version>")
    def version_card(name: Name, version: Version) -> Response[str]:
        """The card of a version."""
        return json_response(catalogue.card(owner(), name, version))


def _changing_routes(api: APIGatewayRestResolver, services: TrainedServices, owner: Callable[[], str]) -> None:
    catalogue, promotions, versions = services.catalogue, services.promotions, services.versions

    def body(kind: type[Body], subject: str) -> Body:
        """The JSON body of the current request; an absent one has no fields."""
        event = api.current_event
        document = json_document.read_call(raw_body(event) or b"{}", content_type(event), subject, TRAINING_BODY_BYTES)
        try:
            return kind.model_validate(document)
        except ValidationError as error:
            raise InvalidFieldsError(field_errors(error.errors(include_url=False))) from None

    @api.post("/v1/models/<name>/promote")
    def promote(name: Name) -> Response[str]:
        """Make a version the live one if it is not worse."""
        request, whose = body(PromoteRequest, "a promotion"), owner()
        pointer = catalogue.pointer(whose, name)
        version = versions.find(whose, name, request.version)
        return json_response(promotions.promote(whose, name, pointer.kind, version, force=request.force).document())

    @api.post("/v1/models/<name>/rollback")
    def roll_back(name: Name) -> Response[str]:
        """Make an earlier live version live again."""
        request, whose = body(RollbackRequest, "a rollback"), owner()
        catalogue.pointer(whose, name)
        to = None if request.to is None else versions.find(whose, name, request.to)
        return json_response(promotions.roll_back(whose, name, to).document())

    @api.delete("/v1/models/<name>")
    def delete_model(name: Name) -> Response[str]:
        """Delete a trained model with all its versions."""
        whose = owner()
        catalogue.pointer(whose, name)
        promotions.delete_model(whose, name)
        return Response(HTTPStatus.NO_CONTENT, body="")

    @api.delete("/v1/models/<name>/versions/<version>")
    def delete_version(name: Name, version: Version) -> Response[str]:
        """Delete a version that is not live."""
        whose = owner()
        catalogue.pointer(whose, name)
        promotions.delete_version(whose, name, versions.find(whose, name, version))
        return Response(HTTPStatus.NO_CONTENT, body="")
