"""The OpenAPI document: routes and parameters of the handlers, completed by infra.api.operations."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import is_typeddict

import skysort
from infra import ROOT
from infra.api import bodies
from infra.api.bulk import operations as bulk_operations
from infra.api.gateway_problems import REQUEST_TOO_LARGE
from infra.api.operations import ALWAYS, JSON, Operation, labels_of, operations
from infra.api.routes import ROUTES
from infra.api.trained import operations as trained_operations
from skysort import answers, bulk_answers, problems, trained_answers
from skysort.models import CUSTOM, PICTURES, ROWS, of_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

# Settings that the functions read on import; they do not appear in the document.
_SETTINGS: Final = {
    "SKYSORT_DROP_BUCKET": "drop",
    "SKYSORT_RESULTS_BUCKET": "results",
    "SKYSORT_MODELS_BUCKET": "models",
    "SKYSORT_CLIENTS": "shared",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
_TAGS: Final = {
    "classify": "Classify pictures and rows in the request.",
    "batches": "Drop files of any number and size, and follow their progress.",
    "models": "The shipped models and their cards.",
    "bulk": "Classify tables and pictures beyond one machine: planned, priced, and each row exactly once.",
    "training": "Train classifiers of your own, and choose which version of each is live.",
    "service": "The service itself.",
}
_MEANS: Final = {
    HTTPStatus.BAD_REQUEST: "The body is empty, damaged, or does not match its content type.",
    HTTPStatus.UNAUTHORIZED: "Clients see only their own batches and files, and the caller is not identified.",
    HTTPStatus.FORBIDDEN: "A valid API key is required.",
    HTTPStatus.NOT_FOUND: "Unknown path, model, version, training, bulk job, batch or file.",
    HTTPStatus.CONFLICT: "Not possible now: the version is worse than the live one, or is live, or the model is of "
    "another kind; the bulk job runs, or has ended.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"Limit exceeded. {REQUEST_TOO_LARGE}",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The URL with its query is longer than 8,192 characters.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Unsupported content type or file format.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Invalid fields or options, each with its reason.",
    HTTPStatus.TOO_MANY_REQUESTS: "More requests than the key, the API or the caller's address may send.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed.",
    HTTPStatus.BAD_GATEWAY: "The function failed, or had no sandbox free; retry later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A backend service failed; retry later.",
    HTTPStatus.GATEWAY_TIMEOUT: "The response took longer than the gateway's timeout.",
}
Document = dict[str, Any]


class ContractError(Exception):
    """Routes, handlers and the contract disagree; the message names the difference."""


def build() -> Document:
    """Build the OpenAPI document; raises ContractError."""
    described = operations() | trained_operations() | bulk_operations()
    handled: dict[tuple[str, str], Document] = {}
    for function in sorted({route.function for route in ROUTES}):
        handled |= _parameters(_resolver(function), function)
    calls = {
        "infra/api/routes.py": {(route.method, route.path) for route in ROUTES},
        "the handlers": set(handled),
        "the contract": set(described),
    }
    for name, listed in calls.items():
        if missing := sorted(set().union(*calls.values()) - listed):
            raise ContractError(f"{name} lacks {' '.join(missing[0])}")
    paths: dict[str, Document] = {}
    for (method, path), operation in described.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation, handled[method, path])
    statuses = sorted({*ALWAYS, *(status for operation in described.values() for status in operation.problems)})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skysort",
            "version": skysort.__version__,
            "description": "Classifies stars, galaxies and photographs. Every error is a problem document (RFC 9457).",
        },
        # Relative to where this document lies, below the stage of a direct API URL or the base path of a domain.
        "servers": [{"url": "."}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "security": [{}, {"ApiKey": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(described.values()),
            "responses": {_response_name(status): _problem(status) for status in statuses},
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "required on most stages; never on the local stack",
                }
            },
        },
    }


def _resolver(function: str) -> APIGatewayRestResolver:
    """The API object of a function, imported as in a sandbox."""
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


def _parameters(api: APIGatewayRestResolver, function: str) -> dict[tuple[str, str], Document]:
    """The parameters of each call, as Powertools derives them from the handler's signature."""
    document = json.loads(api.get_openapi_json_schema(title=function, version="1"))
    schemas = document.get("components", {}).get("schemas", {})
    for call in (call for calls in document["paths"].values() for call in calls.values()):
        for parameter in call.get("parameters", ()):
            # Alternatives are inlined: the document has no component for them.
            options = [
                schemas.get(option.get("$ref", "").rpartition("/")[2], option)
                for option in parameter["schema"].get("anyOf", ())
            ]
            parameter["schema"] |= {"anyOf": options} if options else {}
    return {(method.upper(), path): call for path, calls in document["paths"].items() for method, call in calls.items()}


def _operation(operation: Operation, handled: Document) -> Document:
    document: Document = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.about.split(". ")[0].rstrip("."),
        "description": operation.about,
    }
    if parameters := [_parameter(parameter, operation) for parameter in handled.get("parameters", ())]:
        document["parameters"] = parameters
    if operation.bodies:
        content = {
            media_type: {**body, "schema": _schema(body["schema"])} for media_type, body in operation.bodies.items()
        }
        document["requestBody"] = {"required": True, "content": content}
    document["responses"] = {str(int(operation.status)): _answer(operation)} | {
        str(int(status)): {"$ref": f"#/components/responses/{_response_name(status)}"}
        for status in sorted({*operation.problems, *ALWAYS})
    }
    return document


def _parameter(parameter: Mapping[str, Any], operation: Operation) -> Document:
    schema = dict(parameter["schema"])
    # Powertools describes an optional parameter as nullable, which a query cannot express.
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    schema |= options[0] if options else {}
    schema = dict(operation.query.get(parameter["name"], schema))
    for derived in ("title", "description"):
        schema.pop(derived, None)
    if schema.get("type") == "integer":
        schema |= {bound: int(schema[bound]) for bound in ("minimum", "maximum") if bound in schema}
    kept = {name: parameter[name] for name in ("name", "in", "required", "description") if name in parameter}
    return {**kept, "schema": schema}


def _answer(operation: Operation) -> Document:
    about = operation.status.phrase
    if operation.answer is None:
        return {"description": about}
    media_type, schema = JSON, _schema(operation.answer)
    if isinstance(operation.answer, str):
        media_type, schema = operation.answer, {"type": "object" if operation.answer == JSON else "string"}
    example = {"example": operation.example} if operation.example else {}
    answer: Document = {"description": about, "content": {media_type: {"schema": schema, **example}}}
    if operation.headers:
        text = {"required": False, "schema": {"type": "string"}}
        answer["headers"] = {name: {"description": about, **text} for name, about in operation.headers.items()}
    return answer


def _schema(schema: object) -> object:
    return bodies.reference(schema.__name__) if isinstance(schema, type) else schema


def _response_name(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))


def _problem(status: HTTPStatus) -> Document:
    schema = bodies.reference(answers.Problem.__name__)
    response: Document = {"description": _MEANS[status], "content": {problems.CONTENT_TYPE: {"schema": schema}}}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}:
        about = "seconds to wait before retrying"
        response["headers"] = {"Retry-After": {"required": False, "description": about, "schema": {"type": "string"}}}
    return response


def _schemas(described: Collection[Operation]) -> Document:
    """All schemas by name: typed answers and requests, and the bodies of the classify handlers."""
    for answer in filter(is_typeddict, {**vars(answers), **vars(trained_answers), **vars(bulk_answers)}.values()):
        config: ConfigDict = getattr(answer, "__pydantic_config__", ConfigDict())
        with_config(ConfigDict(**{"extra": "forbid", **config, "use_attribute_docstrings": True}))(answer)
    typed: list[object] = [answers.Problem, *(operation.answer for operation in described)]
    typed += [body["schema"] for operation in described for body in operation.bodies.values()]
    adapters: dict[str, TypeAdapter[object]] = {
        answer.__name__: TypeAdapter(answer) for answer in typed if isinstance(answer, type)
    }
    _, definitions = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters.items()],
        ref_template=str(bodies.reference("{model}")["$ref"]),
    )
    pictures: dict[str, Sequence[str]] = {model: labels_of(model) for model in of_kind(PICTURES)}
    pictures[CUSTOM.name] = ()
    rows = [bodies.star_bodies(labels_of(model)) for model in of_kind(ROWS)]
    schemas: Document = {
        **{name: schema for schemas_of_model in rows for name, schema in schemas_of_model.items()},
        **bodies.picture_bodies(pictures),
        **definitions["$defs"],
    }
    return {name: _without_titles(schemas[name]) for name in sorted(schemas)}


def _without_titles(schema: Document) -> Document:
    schema.pop("title", None)
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
        if "default" in member and member["default"] is None:
            del member["default"]
    return schema
