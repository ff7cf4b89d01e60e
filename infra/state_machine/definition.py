"""The state machine that trains a model, in Amazon States Language.

`infra/constructs` puts it into Step Functions; `infra/local/state_machine.py` interprets the same document on a laptop.
Only a key and small numbers pass between states; everything else lies in the models bucket.
"""

from __future__ import annotations

from typing import Any, Final

from infra.state_machine.states import catch, invoke

# Shards of features computed at once.
SHARDS_AT_ONCE: Final = 8
# The error of a step whose input can never become a model (skysort.trainings.steps); its message is for the user. A
# refused training is refused again, so it is not retried.
REFUSED: Final = "TrainingRefused"
_END: Final = "Done"


def training_definition(custom_train_arn: str, star_train_arn: str) -> dict[str, Any]:
    """The definition, as a JSON document.

    Parameters
    ----------
    custom_train_arn, star_train_arn
        The functions that run the steps of each kind: Amazon Resource Names, or names.

    Returns
    -------
    dict
        Takes ``{"key": "trainings/<owner>/<id>/request.json"}``.
    """
    return {
        "Comment": "Trains a model from labelled pictures, or from a table of stars with classes.",
        "StartAt": "Kind",
        "States": {
            "Kind": {
                "Type": "Choice",
                "Choices": [
                    # A training's id begins with its kind.
                    {
                        "Variable": "$.key",
                        "StringMatches": "trainings/*/pictures-*/request.json",
                        "Next": "ReadPictures",
                    },
                    {"Variable": "$.key", "StringMatches": "trainings/*/star-*/request.json", "Next": "ReadTable"},
                ],
                "Default": "UnknownKind",
            },
            **_pictures(custom_train_arn),
            **_stars(star_train_arn),
            "Outcome": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.error.Error", "StringEquals": REFUSED, "Next": "Refused"}],
                "Default": "Failed",
            },
            _END: {"Type": "Succeed"},
            # What is wrong with a training's input is its owner's to know, and no fault of the service.
            "Refused": {"Type": "Succeed"},
            "Failed": {
                "Type": "Fail",
                "Error": "TrainingFailed",
                "Cause": "The training's status.json says what failed.",
            },
            "UnknownKind": {"Type": "Fail", "Error": "UnknownKind", "Cause": "No training begins with such a key."},
        },
    }


def _pictures(arn: str) -> dict[str, Any]:
    failure = "RecordPicturesFailure"
    features = {"key.$": "$.key", "step": "features", "shard.$": "$$.Map.Item.Value"}
    return {
        "ReadPictures": {
            **_step(arn, "read", "PictureFeatures", failure),
            "ResultSelector": {"shards.$": "$.Payload.shards"},
            "ResultPath": "$.read",
        },
        "PictureFeatures": {
            "Type": "Map",
            "ItemsPath": "$.read.shards",
            "ItemSelector": features,
            "MaxConcurrency": SHARDS_AT_ONCE,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "ShardFeatures",
                "States": {"ShardFeatures": {**invoke(arn, "$", REFUSED), "End": True}},
            },
            "ResultPath": None,
            "Catch": catch(failure),
            "Next": "FitPictures",
        },
        "FitPictures": _step(arn, "fit", "EvaluatePictures", failure),
        "EvaluatePictures": _step(arn, "evaluate", "PublishPictures", failure),
        "PublishPictures": _step(arn, "publish", _END, failure),
        failure: _failure(arn),
    }


def _stars(arn: str) -> dict[str, Any]:
    failure = "RecordStarsFailure"
    return {
        "ReadTable": _step(arn, "read", "FitStars", failure),
        "FitStars": _step(arn, "fit", "EvaluateStars", failure),
        "EvaluateStars": _step(arn, "evaluate", "PublishStars", failure),
        "PublishStars": _step(arn, "publish", _END, failure),
        failure: _failure(arn),
    }


def _step(arn: str, step: str, following: str, failure: str) -> dict[str, Any]:
    payload = {"key.$": "$.key", "step": step}
    return {**invoke(arn, payload, REFUSED), "Catch": catch(failure), "Next": following}


def _failure(arn: str) -> dict[str, Any]:
    """The step that writes a readable failure into the status; its own failure ends the execution."""
    payload = {"key.$": "$.key", "step": "fail", "error.$": "$.error"}
    return {**invoke(arn, payload, REFUSED), "Next": "Outcome"}
