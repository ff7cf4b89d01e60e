"""Parts of state machines in Amazon States Language: tasks that invoke functions, their retries and catchers."""

from __future__ import annotations

from typing import Any, Final

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
THROTTLED: Final = "Lambda.TooManyRequestsException"
TIMED_OUT: Final = "Sandbox.Timedout"
EVERY_ERROR: Final = "States.ALL"

_PAUSES: Final = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxDelaySeconds": 30, "JitterStrategy": "FULL"}


def invoke(arn: str, payload: dict[str, Any] | str, *final: str) -> dict[str, Any]:
    """A task without its transition, whose result is dropped.

    Parameters
    ----------
    arn
        The function: an Amazon Resource Name, or a name.
    payload
        A template, or the path of what the function is given.
    *final
        The errors that are final: what raises them would raise them again.

    Returns
    -------
    dict
        The task's fields.
    """
    given = {"Payload.$": payload} if isinstance(payload, str) else {"Payload": payload}
    return {
        "Type": "Task",
        "Resource": LAMBDA_INVOKE,
        "Parameters": {"FunctionName": arn, **given},
        "ResultPath": None,
        "Retry": _retry(final),
    }


def catch(following: str, *errors: str) -> list[dict[str, Any]]:
    """Catchers that lead every error, or those named, to a state, with the error at ``$.error``."""
    return [{"ErrorEquals": list(errors or (EVERY_ERROR,)), "ResultPath": "$.error", "Next": following}]


def _retry(final: tuple[str, ...]) -> list[dict[str, Any]]:
    # A throttled call has cost nothing and waits for its turn. A step that used up its 15 minutes most likely does so
    # again: one more attempt, not an hour of a function. Any other error may pass: a sandbox that was killed, an S3
    # request that failed, two steps that wrote one document.
    return [
        *([{"ErrorEquals": list(final), "MaxAttempts": 0}] if final else []),
        {"ErrorEquals": [THROTTLED], "MaxAttempts": 20, **_PAUSES},
        {"ErrorEquals": [TIMED_OUT], "MaxAttempts": 1, **_PAUSES},
        {"ErrorEquals": [EVERY_ERROR], "MaxAttempts": 3, **_PAUSES},
    ]
