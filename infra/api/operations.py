"""What the handlers' signatures do not say of each call: its name, bodies, answer, and the problems that occur."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.api import bodies
from skysort import answers
from skysort.limits import BATCH_CSV_TABLE_BYTES, MIB
from skysort.models import MODELS, PICTURES, ROWS
from skysort.pictures.formats.sniff import MEDIA_TYPES
from skysort.uploads.request import UploadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.models import Model

JSON: Final = "application/json"
EVENTS: Final = ROOT / "events"
# Whatever a call is: throttled, refused by the gateway, failed, too slow.
ALWAYS: Final = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_BODY: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. bodies: media types with schemas and examples. answer: its model, or a media type of text."""

    name: str
    tag: str
    about: str
    answer: type | str
    problems: Sequence[HTTPStatus] = ()
    bodies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    example: object = None


def labels_of(model: str) -> list[str]:
    """The labels of a model, by its card."""
    labels: list[str] = json.loads((ROOT / "functions" / model / "model" / "card.json").read_bytes())["labels"]
    return labels


def _event(name: str) -> str:
    """The body of a sample event, each of which a test replays."""
    return str(json.loads((EVENTS / f"{name}.json").read_bytes())["body"])


def _recorded(model: Model) -> object:
    """A model's answer to a sample event, which a test compares with the function's; None without one."""
    path = next((EVENTS / "answers").glob(f"{model.name}_*.json"), None)
    return None if path is None else json.loads(path.read_bytes())


def _rows(model: Model) -> Operation:
    labels = labels_of(model.name)
    row = json.loads(_event("star_row"))
    return Operation(
        f"classify{model.name.capitalize()}",
        "classify",
        model.classifies,
        answers.StarAnswer,
        _BODY,
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
        query=bodies.query_options(labels),
        example=_recorded(model),
    )


def _picture(model: Model) -> Operation:
    labels = labels_of(model.name)
    binary = {"schema": bodies.BINARY}
    image = "iVBORw0KGgoAAAANSUhEUgAA..."
    return Operation(
        f"classify{model.name.capitalize()}",
        "classify",
        model.classifies,
        answers.PictureAnswer,
        (*_BODY, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
        bodies={
            "multipart/form-data": {"schema": bodies.picture_form(labels)},
            JSON: {
                "schema": bodies.one_or_many(*(f"{model.name.capitalize()}{many}Request" for many in ("", "Many"))),
                "examples": {"pictures": {"value": {"instances": [{"id": "m51", "image": image}], "top_k": 3}}},
            },
            **dict.fromkeys(MEDIA_TYPES, binary),
            "application/octet-stream": binary,
        },
        query=bodies.query_options(labels),
        example=_recorded(model),
    )


# By the name of a kind of input.
_CLASSIFY: Final[Mapping[str, Callable[[Model], Operation]]] = {PICTURES.name: _picture, ROWS.name: _rows}


def _ready(model: str) -> Operation:
    about = "Ready when a real prediction on a built-in sample comes out sound."
    return Operation(f"ready{model.capitalize()}", "models", about, answers.Ready)


_CSV_EXAMPLE: Final = (
    "model,file,row,label,class_id,probability,prediction_set,result_file,error\r\n"
    "galaxy,field 7/m51.jpg,,Unbarred Spiral,7,0.956191,Unbarred Spiral;Barred Spiral,,\r\n"
    "star,night.fits,,,,,,star/night-1/night.fits,\r\n"
)


def operations() -> dict[tuple[str, str], Operation]:
    """Every call by method and path."""
    found = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    return {
        **{("POST", model.classify_path): _CLASSIFY[model.input.name](model) for model in MODELS.values()},
        **{("GET", model.ready_path): _ready(model.name) for model in MODELS.values()},
        ("GET", "/v1/models"): Operation(
            "listModels", "models", "Every model: what it classifies, and by which version.", answers.ModelList
        ),
        ("GET", "/v1/models/{name}"): Operation(
            "getModel", "models", "One model's whole card.", answers.ModelCard, (HTTPStatus.NOT_FOUND,)
        ),
        ("GET", "/v1/health"): Operation("health", "service", "Liveness: the service answers.", answers.Health),
        ("POST", "/v1/uploads"): Operation(
            "offerUploads",
            "batches",
            "Presigned upload requests for each file: a form for a small one, parts for a large one. "
            "Names are relative paths; what could leave the batch's folder is refused. To resume an upload in parts, "
            "or when its URLs have expired, ask again with its upload_id.",
            answers.PresignedUploads,
            (*_BODY, HTTPStatus.UNAUTHORIZED),
            bodies={
                JSON: {"schema": UploadRequest, "examples": {"two files": {"value": json.loads(_event("uploads"))}}}
            },
        ),
        ("GET", "/v1/batches/{batch}"): Operation(
            "getBatch",
            "batches",
            "How many files of a batch are waiting, done and failed, and the files one by one.",
            answers.BatchStatus,
            found,
        ),
        ("GET", "/v1/batches/{batch}/results.csv"): Operation(
            "getBatchCsv",
            "batches",
            "One CSV of a batch's results so far: a line a picture, a member of an archive, or a row of a CSV table. "
            "It comes in pages that can be joined as they are: only the first has the header line. A classified table "
            f"in another format, gzipped or above {BATCH_CSV_TABLE_BYTES // MIB} MiB stays whole: it has one line, "
            "whose result_file is its key in the results bucket, and no error; GET /v1/batches/{batch} has its URL as "
            "links.result. Rows of it that cannot be classified have one more line, whose result_file is the table of "
            "them (links.rejected). error tells of what has no class, and of nothing else.",
            "text/csv",
            found,
            headers={"Link": 'the next page, as <path>; rel="next" (RFC 8288); absent on the last'},
            example=_CSV_EXAMPLE,
        ),
        ("GET", "/openapi.json"): Operation("openapi", "service", "This document.", JSON),
        ("GET", "/docs"): Operation("docs", "service", "This document as a page.", "text/html"),
    }
