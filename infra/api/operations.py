"""Parts of the contract that are not in the handlers' signatures: names, bodies, responses and problems."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.api import bodies
from skysort import answers
from skysort.limits import BATCH_CSV_TABLE_BYTES, MIB
from skysort.models import CUSTOM, MODELS, PICTURES, ROWS
from skysort.pictures.formats.sniff import MEDIA_TYPES
from skysort.registry.names import NAME_PATTERN
from skysort.uploads.request import UploadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.models import Model

JSON: Final = "application/json"
EVENTS: Final = ROOT / "events"
# Possible for every call: throttled, blocked by the gateway, failed, too slow.
ALWAYS: Final = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
BODY: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """An API operation.

    bodies: media types with schemas and examples. answer: its type, a media type of text, or None for no content.
    status: of that answer.
    """

    name: str
    tag: str
    about: str
    answer: type | str | None
    problems: Sequence[HTTPStatus] = ()
    bodies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    example: object = None
    status: HTTPStatus = HTTPStatus.OK


def labels_of(model: str) -> list[str]:
    """The labels of a model from its card."""
    labels: list[str] = json.loads((ROOT / "functions" / model / "model" / "card.json").read_bytes())["labels"]
    return labels


def _event(name: str) -> str:
    """The body of a sample event, which a test replays."""
    return str(json.loads((EVENTS / f"{name}.json").read_bytes())["body"])


def _recorded(model: Model) -> object:
    """A model's recorded answer to a sample event, verified by a test; None if there is none."""
    path = next((EVENTS / "answers").glob(f"{model.name}_*.json"), None)
    return None if path is None else json.loads(path.read_bytes())


def _rows(model: Model) -> Operation:
    labels = labels_of(model.name)
    row = json.loads(_event("star_row"))
    return Operation(
        f"classify{model.name.capitalize()}",
        "classify",
        f"{model.classifies} With ?model=NAME, by a trained model, whose card names the columns of its rows.",
        answers.StarAnswer,
        # Of a trained model that is not there, or whose owner is not known.
        (*BODY, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
        bodies={
            JSON: {
                "schema": bodies.one_or_many("StarRowRequest", "StarRowsRequest"),
                "examples": {"row": {"value": row}, "rows": {"value": json.loads(_event("star_instances"))}},
            },
            "text/csv": {"schema": bodies.star_csv(), "examples": {"table": {"value": _event("star_csv")}}},
            "application/x-www-form-urlencoded": {
                "schema": bodies.star_form(labels),
                "examples": {"row": {"value": row}},
            },
        },
        query={
            **bodies.query_options(labels, prior=True),
            "model": {"type": "string", "pattern": f"^({NAME_PATTERN[1:-1]})?$"},
        },
        example=_recorded(model),
    )


def _picture(model: Model) -> Operation:
    # A trained model's labels are on its own card.
    labels = labels_of(model.name) if model.name in MODELS else ()
    binary = {"schema": bodies.BINARY}
    image = "iVBORw0KGgoAAAANSUhEUgAA..."
    return Operation(
        f"classify{model.name.capitalize()}",
        "classify",
        model.classifies,
        answers.PictureAnswer,
        (*BODY, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
        bodies={
            "multipart/form-data": {"schema": bodies.picture_form(labels)},
            JSON: {
                "schema": bodies.one_or_many(*(f"{model.name.capitalize()}{many}Request" for many in ("", "Many"))),
                "examples": {"pictures": {"value": {"instances": [{"id": "m51", "image": image}], "top_k": 3}}},
            },
            **dict.fromkeys(MEDIA_TYPES, binary),
            "application/octet-stream": binary,
        },
        query=bodies.query_options(labels, prior=not labels),
        example=_recorded(model),
    )


# By input kind.
_CLASSIFY: Final[Mapping[str, Callable[[Model], Operation]]] = {PICTURES.name: _picture, ROWS.name: _rows}


def _ready(model: str) -> Operation:
    about = "Ready if a prediction on a built-in sample is valid."
    return Operation(f"ready{model.capitalize()}", "models", about, answers.Ready)


_CSV_EXAMPLE: Final = (
    "model,file,row,label,class_id,probability,prediction_set,typicality,in_domain,result_file,error\r\n"
    "galaxy,field 7/m51.jpg,,Unbarred Spiral,7,0.956191,Unbarred Spiral;Barred Spiral,0.61,true,,\r\n"
    "star,night.fits,,,,,,,,star/night-1/night.fits,\r\n"
)


def operations() -> dict[tuple[str, str], Operation]:
    """All operations by method and path."""
    batch_problems = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    return {
        **{("POST", model.classify_path): _CLASSIFY[model.input.name](model) for model in MODELS.values()},
        **{("GET", model.ready_path): _ready(model.name) for model in (*MODELS.values(), CUSTOM)},
        ("POST", f"{CUSTOM.classify_path}/{{name}}"): _picture(CUSTOM),
        ("GET", "/v1/models"): Operation(
            "listModels", "models", "The shipped models: what they classify, and their versions.", answers.ModelList
        ),
        ("GET", "/v1/models/{name}"): Operation(
            "getModel", "models", "The full card of a shipped model.", answers.ModelCard, (HTTPStatus.NOT_FOUND,)
        ),
        ("GET", "/v1/health"): Operation("health", "service", "Liveness: the service answers.", answers.Health),
        ("POST", "/v1/uploads"): Operation(
            "offerUploads",
            "batches",
            "Presigned upload requests for each file: a form for a small file, a multipart upload for a large one. "
            "Names are relative paths; paths outside the batch's folder are rejected. To resume a multipart upload, "
            "or if its URLs have expired, repeat the request with its upload_id.",
            answers.PresignedUploads,
            (*BODY, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            bodies={
                JSON: {"schema": UploadRequest, "examples": {"two files": {"value": json.loads(_event("uploads"))}}}
            },
        ),
        ("GET", "/v1/batches/{batch}"): Operation(
            "getBatch",
            "batches",
            "How many files of a batch are waiting, done and failed, and the status of each file.",
            answers.BatchStatus,
            batch_problems,
        ),
        ("GET", "/v1/batches/{batch}/results.csv"): Operation(
            "getBatchCsv",
            "batches",
            "The results of a batch so far as CSV: a line per picture, archive member or row of a CSV table. "
            "The pages can be concatenated: only the first has the header line. A classified table in another format, "
            f"gzipped or above {BATCH_CSV_TABLE_BYTES // MIB} MiB is not expanded: it has one line, whose result_file "
            "is its key in the results bucket, and no error; GET /v1/batches/{batch} has its URL as links.result. If "
            "some of its rows were rejected, another line has the table of these rows as its result_file "
            "(links.rejected). error is set only for items without a class.",
            "text/csv",
            batch_problems,
            headers={
                "Link": 'the next page, relative to this URL, as <page>; rel="next" (RFC 8288); absent on the last'
            },
            example=_CSV_EXAMPLE,
        ),
        ("GET", "/openapi.json"): Operation("openapi", "service", "This document.", JSON),
        ("GET", "/docs"): Operation("docs", "service", "This document as a page.", "text/html"),
    }
