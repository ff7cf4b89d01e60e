"""The part of the contract about bulk jobs; see infra.api.operations."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from infra.api.operations import BODY, JSON, Operation
from infra.api.trained import recorded
from skysort import bulk_answers
from skysort.bulk.request import BulkRequest
from skysort.models import PICTURES, TRAINED_ROWS, of_kind

_OWN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
_REQUESTS: Final = {
    "the plan for uploaded tables": {
        "model": TRAINED_ROWS.name,
        "source": {"prefix": "incoming/bulk/survey/"},
        "columns": ["field"],
        "plan_only": True,
    },
    "pictures that a manifest lists": {
        "model": of_kind(PICTURES)[0],
        "source": {"manifest": "incoming/bulk/survey/cutouts.txt"},
        "output": "csv",
        "tolerated_share": 0.01,
    },
}


def operations() -> dict[tuple[str, str], Operation]:
    """The operations by method and path."""
    return {
        ("POST", "/v1/bulk"): Operation(
            "startBulk",
            "bulk",
            "Start to classify files beyond one machine: tables of any size, pictures, archives of them. They are "
            "uploaded first, by POST /v1/uploads with the model bulk, or are where the service may read them. The job "
            "is planned, which takes seconds to minutes, then classified in parts, unless only the plan is wanted.",
            bulk_answers.BulkJob,
            (*BODY, *_OWN),
            bodies={
                JSON: {
                    "schema": BulkRequest,
                    "examples": {name: {"value": value} for name, value in _REQUESTS.items()},
                }
            },
            example=recorded("bulk_waiting"),
            status=HTTPStatus.ACCEPTED,
        ),
        ("GET", "/v1/bulk"): Operation(
            "listBulk",
            "bulk",
            "The bulk jobs, the newest first.",
            bulk_answers.BulkJobList,
            (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY),
        ),
        ("GET", "/v1/bulk/{id}"): Operation(
            "getBulk",
            "bulk",
            "How far a bulk job is: its plan, the parts and rows so far, what it has cost, and its results.",
            bulk_answers.BulkJob,
            _OWN,
            example=recorded("bulk_done"),
        ),
        ("GET", "/v1/bulk/{id}/files"): Operation(
            "listBulkFiles",
            "bulk",
            "The files of a bulk job's results with presigned links, in pages: the data, then the rejected rows.",
            bulk_answers.BulkFiles,
            (*_OWN, HTTPStatus.UNPROCESSABLE_ENTITY),
            example=recorded("bulk_files"),
        ),
        ("POST", "/v1/bulk/{id}/cancel"): Operation(
            "cancelBulk",
            "bulk",
            "Stop a bulk job. What runs ends within seconds; the results so far are kept, and resume goes on.",
            bulk_answers.BulkJob,
            (*_OWN, HTTPStatus.CONFLICT),
            status=HTTPStatus.ACCEPTED,
        ),
        ("POST", "/v1/bulk/{id}/resume"): Operation(
            "resumeBulk",
            "bulk",
            "Start a bulk job of which only the plan was wanted, or go on with one that was cancelled or failed. Parts "
            "that have results are not done again.",
            bulk_answers.BulkJob,
            (*_OWN, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            status=HTTPStatus.ACCEPTED,
        ),
    }
