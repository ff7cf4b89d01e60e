"""The part of the contract about trainings and trained models; see infra.api.operations."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from infra.api.operations import BODY, EVENTS, JSON, Operation
from skysort import trained_answers
from skysort.http.trained import PromoteRequest, RollbackRequest
from skysort.registry.names import Kind
from skysort.trainings.request import TrainingRequest

_OWN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
_REQUESTS: Final = {
    "pictures of an uploaded batch": {
        "kind": "pictures",
        "name": "rings",
        "source": {"batch": "first-rings"},
    },
    "a table": {
        "kind": Kind.STAR.value,
        "name": "quasars",
        "source": {"s3_key": "incoming/training/tables/quasars.csv"},
        "options": {"class_column": "class", "seed": 7},
    },
}


def recorded(name: str) -> object:
    """A recorded answer of events/answers, verified by a test."""
    return json.loads((EVENTS / "answers" / f"{name}.json").read_bytes())


def operations() -> dict[tuple[str, str], Operation]:
    """The operations by method and path."""
    return {
        ("POST", "/v1/trainings"): Operation(
            "startTraining",
            "training",
            "Start to train a model: on pictures in a folder for each class, or on a table with a column of classes. "
            "The examples are uploaded first, by POST /v1/uploads with the model training, each picture's name being "
            "class/file. Every training of a name makes another version of it, which becomes live if it is not worse "
            "than the live one on the examples that both held out.",
            trained_answers.Training,
            (*BODY, HTTPStatus.UNAUTHORIZED, HTTPStatus.CONFLICT),
            bodies={
                JSON: {
                    "schema": TrainingRequest,
                    "examples": {name: {"value": value} for name, value in _REQUESTS.items()},
                }
            },
            example=recorded("training_waiting"),
            status=HTTPStatus.ACCEPTED,
        ),
        ("GET", "/v1/trainings"): Operation(
            "listTrainings",
            "training",
            "The trainings, the newest first.",
            trained_answers.TrainingList,
            (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY),
        ),
        ("GET", "/v1/trainings/{id}"): Operation(
            "getTraining",
            "training",
            "How far a training is, and its results.",
            trained_answers.Training,
            _OWN,
            example=recorded("training_done"),
        ),
        ("GET", "/v1/trained"): Operation(
            "listTrainedModels",
            "training",
            "The trained models in short.",
            trained_answers.TrainedList,
            (HTTPStatus.UNAUTHORIZED,),
            example=recorded("trained_models"),
        ),
        ("GET", "/v1/trained/{name}"): Operation(
            "getTrainedModel",
            "training",
            "A trained model: its live version with its card, and the versions that were live before.",
            trained_answers.TrainedModel,
            _OWN,
        ),
        ("GET", "/v1/models/{name}/versions"): Operation(
            "listVersions",
            "training",
            "The versions of a trained model, the newest first.",
            trained_answers.VersionList,
            _OWN,
            example=recorded("trained_versions"),
        ),
        ("GET", "/v1/models/{name}/versions/{version}"): Operation(
            "getVersion",
            "training",
            "The card of a version of a trained model.",
            trained_answers.TrainedCard,
            (*_OWN, HTTPStatus.UNPROCESSABLE_ENTITY),
        ),
        ("POST", "/v1/models/{name}/promote"): Operation(
            "promoteVersion",
            "training",
            "Make a version of a trained model the live one. A version that is worse than the live one on the examples "
            "that both held out, or shares too few with it, is refused unless force is set, which the history records. "
            "Requests are answered by the new version within seconds.",
            trained_answers.Pointer,
            (*BODY, *_OWN, HTTPStatus.CONFLICT),
            bodies={JSON: {"schema": PromoteRequest, "examples": {"version": {"value": {"version": "0123456789ab"}}}}},
            example=recorded("promoted"),
        ),
        ("POST", "/v1/models/{name}/rollback"): Operation(
            "rollBack",
            "training",
            "Make an earlier live version live again, by default the one before the present one.",
            trained_answers.Pointer,
            (*BODY, *_OWN, HTTPStatus.CONFLICT),
            bodies={JSON: {"schema": RollbackRequest, "examples": {"the one before": {"value": {}}}}},
        ),
        ("DELETE", "/v1/models/{name}"): Operation(
            "deleteTrainedModel",
            "training",
            "Delete a trained model with all its versions.",
            None,
            _OWN,
            status=HTTPStatus.NO_CONTENT,
        ),
        ("DELETE", "/v1/models/{name}/versions/{version}"): Operation(
            "deleteVersion",
            "training",
            "Delete a version of a trained model. The live one stays.",
            None,
            (*_OWN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
            status=HTTPStatus.NO_CONTENT,
        ),
    }
