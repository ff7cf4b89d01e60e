"""The state machine that trains a model, in Amazon States Language.

`infra/constructs` puts it into Step Functions; `infra/local/state_machine.py` interprets the same document on a laptop.
Only a key and small numbers pass between states; everything else lies in the models bucket.
"""

from __future__ import annotations

from typing import Any, Final

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
# Shards of features computed at once.
SHARDS_AT_ONCE: Final = 8
# The error of a step whose input can never become a model (skysort.trainings.steps); its message is for the user.
REFUSED: Final = "TrainingRefused"
THROTTLED: Final = "Lambda.TooManyRequestsException"
TIMED_OUT: Final = "Sandbox.Timedout"
EVERY_ERROR: Final = "States.ALL"

_PAUSES: Final = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxDelaySeconds": 30, "JitterStrategy": "FULL"}
# A refused training is refused again, so it is not retried. A throttled call has cost nothing and waits for its turn.
# A step that used up its 15 minutes most likely does so again: one more attempt, not an hour of a function.
# Any other error may pass: a sandbox that was killed, an S3 request that failed, two steps that wrote one document.
_RETRY: Final = (
    {"ErrorEquals": [REFUSED], "MaxAttempts": 0},
    {"ErrorEquals": [THROTTLED], "MaxAttempts": 20, **_PAUSES},
    {"ErrorEquals": [TIMED_OUT], "MaxAttempts": 1, **_PAUSES},
    {"ErrorEquals": [EVERY_ERROR], "MaxAttempts": 3, **_PAUSES},
)
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
                "States": {"ShardFeatures": {**_invoke(arn, "$"), "End": True}},
            },
            "ResultPath": None,
            "Catch": _catch(failure),
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
    return {**_invoke(arn, payload), "Catch": _catch(failure), "Next": following}


def _failure(arn: str) -> dict[str, Any]:
    """The step that writes a readable failure into the status; its own failure ends the execution."""
    payload = {"key.$": "$.key", "step": "fail", "error.$": "$.error"}
    return {**_invoke(arn, payload), "Next": "Outcome"}


def _invoke(arn: str, payload: dict[str, Any] | str) -> dict[str, Any]:
    given = {"Payload.$": payload} if isinstance(payload, str) else {"Payload": payload}
    return {
        "Type": "Task",
        "Resource": LAMBDA_INVOKE,
        "Parameters": {"FunctionName": arn, **given},
        "ResultPath": None,
        "Retry": [dict(retrier) for retrier in _RETRY],
    }


def _catch(failure: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": [EVERY_ERROR], "ResultPath": "$.error", "Next": failure}]
