"""The OpenAPI document: the handlers' routes and parameters, completed by infra.api.operations."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import skysort
from infra import ROOT
from infra.api import answers, requests
from infra.api.operations import ALWAYS, JSON, Operation, labels_of, operations
from infra.api.routes import ROUTES
from skysort import problems
from skysort.models import MODELS, PICTURES, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

FUNCTIONS: Final = (*MODELS, "control")
# What the functions ask for while they are imported; none of it gets into the document.
_SETTINGS: Final = {
    "SKYSORT_DROP_BUCKET": "drop",
    "SKYSORT_RESULTS_BUCKET": "results",
    "SKYSORT_CLIENTS": "shared",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
_TAGS: Final = {
    "classify": "Classify pictures and rows in the request.",
    "batches": "Drop files of any number and size, and follow what becomes of them.",
    "models": "The models and their cards.",
    "service": "The service itself.",
}
_REFERENCE: Final = "#/components/schemas/{model}"


class ContractError(Exception):
    """Routes, handlers and the contract do not say the same; the message names where."""


def build() -> dict[str, Any]:
    """The whole document; raises ContractError."""
    known = operations()
    handled: dict[tuple[str, str], dict[str, Any]] = {}
    for function in FUNCTIONS:
        handled |= _routes(_resolver(function), function)
    routed = {(route.method, route.path) for route in ROUTES}
    for name, calls in (("infra/api/routes.py", routed), ("the handlers", set(handled)), ("the contract", set(known))):
        for other in (routed, set(handled), set(known)):
            if missing := sorted(other - calls):
                raise ContractError(f"{name} lacks {' '.join(missing[0])}")
    paths: dict[str, Any] = {}
    for method, path in (call for call in known):
        paths.setdefault(path, {})[method.lower()] = _operation(known[method, path], handled[method, path])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skysort",
            "version": skysort.__version__,
            "description": "Classifies what telescopes and cameras see: stars, galaxies and photographs. "
            "Every error is a problem document (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "security": [{}, {"ApiKey": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(known.values()),
            "responses": {_response_name(status): _problem(status) for status in _statuses(known.values())},
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "needed where the stage asks for one; never on the local stack",
                }
            },
        },
    }


def _resolver(function: str) -> APIGatewayRestResolver:
    """The API object of a function, imported as a sandbox does."""
    name = f"contract_{function}"
    spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / function / "app.py")
    if spec is None or spec.loader is None:
        raise ContractError(f"functions/{function}/app.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with patch.dict(os.environ, _SETTINGS):
        spec.loader.exec_module(module)
    api: APIGatewayRestResolver = module.api
    return api


def _routes(api: APIGatewayRestResolver, function: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Each call's parameters, as Powertools reads them from the handler's signature."""
    document = json.loads(api.get_openapi_json_schema(title=function, version="1"))
    return {(method.upper(), path): call for path, calls in document["paths"].items() for method, call in calls.items()}


def _operation(operation: Operation, handled: Mapping[str, Any]) -> dict[str, Any]:
    statuses = sorted({*operation.problems, *ALWAYS})
    document: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.about.split(". ")[0].rstrip("."),
        "description": operation.about,
    }
    parameters = [_parameter(given, operation) for given in handled.get("parameters", ())]
    if parameters:
        document["parameters"] = parameters
    if operation.bodies:
        content = {media_type: _media(body) for media_type, body in operation.bodies.items()}
        document["requestBody"] = {"required": True, "content": content}
    document["responses"] = {
        "200": _answer(operation),
        **{str(int(status)): {"$ref": f"#/components/responses/{_response_name(status)}"} for status in statuses},
    }
    return document


def _parameter(given: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    schema = dict(given["schema"])
    # Powertools writes an optional parameter as one that may be null, which no query can say.
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    schema |= options[0] if options else {}
    schema = dict(operation.query.get(given["name"], schema))
    for derived in ("title", "description"):
        schema.pop(derived, None)
    for bound in ("minimum", "maximum"):
        if schema.get("type") == "integer" and bound in schema:
            schema[bound] = int(schema[bound])
    return {
        "name": given["name"],
        "in": given["in"],
        "required": given["required"],
        **({"description": given["description"]} if "description" in given else {}),
        "schema": schema,
    }


def _media(body: Mapping[str, Any]) -> dict[str, Any]:
    schema = body["schema"]
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        schema = requests.reference(schema.__name__)
    return {**body, "schema": schema}


def _answer(operation: Operation) -> dict[str, Any]:
    answer, example = operation.answer, {"example": operation.example} if operation.example else {}
    if isinstance(answer, str):
        kind = "object" if answer == JSON else "string"
        content = {answer: {"schema": {"type": kind}, **example}}
    else:
        content = {JSON: {"schema": requests.reference(answer.__name__), **example}}
    headers = {
        name: {"description": about, "required": False, "schema": {"type": "string"}}
        for name, about in operation.headers.items()
    }
    return {"description": "OK", "content": content, **({"headers": headers} if headers else {})}


def _statuses(known: Iterable[Operation]) -> list[HTTPStatus]:
    return sorted({*ALWAYS, *(status for operation in known for status in operation.problems)})


def _response_name(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))


def _problem(status: HTTPStatus) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _MEANS[status],
        "content": {problems.CONTENT_TYPE: {"schema": requests.reference(answers.Problem.__name__)}},
    }
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        about = {"description": "seconds after which to try again", "schema": {"type": "string"}}
        response["headers"] = {"Retry-After": {"required": False, **about}}
    return response


_MEANS: Final = {
    HTTPStatus.BAD_REQUEST: "The body is empty, damaged, or not what its type says.",
    HTTPStatus.UNAUTHORIZED: "Batches and files belong to whoever uploaded them here, and who asks is not known.",
    HTTPStatus.FORBIDDEN: "The stage asks for an API key, and the request has none that is valid.",
    HTTPStatus.NOT_FOUND: "There is no such path, model, batch or file.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A limit was passed.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address, with its query, is longer than 8,192 characters.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "A content type, or a kind of content, that is not read.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Fields or options that cannot be used, each named with what would be right.",
    HTTPStatus.TOO_MANY_REQUESTS: "Every sandbox is busy, or the key's quota is used up.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed.",
    HTTPStatus.BAD_GATEWAY: "The function failed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A service behind failed; the same call may pass later.",
    HTTPStatus.GATEWAY_TIMEOUT: "The answer took longer than the gateway waits.",
}


def _schemas(known: Iterable[Operation]) -> dict[str, Any]:
    models: list[type[BaseModel]] = [answers.Problem]
    pictures = {model: labels_of(model) for model in of_kind(PICTURES)}
    taken = {**requests.star_bodies(labels_of("star")), **requests.picture_bodies(pictures)}
    for operation in known:
        if not isinstance(operation.answer, str):
            models.append(operation.answer)
        models += [body["schema"] for body in operation.bodies.values() if isinstance(body["schema"], type)]
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    schemas: dict[str, Any] = {**taken, **found["$defs"]}
    return {name: _without_titles(schemas[name]) for name in sorted(schemas)}


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("title", None)
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
        if "default" in member and member["default"] is None:
            del member["default"]
    return schema
