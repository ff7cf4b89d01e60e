"""The state machine of a bulk job, in Amazon States Language.

`infra/constructs` puts it into Step Functions; `infra/local/state_machine.py` interprets the same document on a laptop.
It plans the job, has its family probe the price of a row, runs the parts by a Distributed Map and finishes. Only keys,
words and small numbers pass between states; everything else lies below the job's prefix in the results bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from infra.state_machine.states import catch, invoke

if TYPE_CHECKING:
    from collections.abc import Mapping

S3_GET_OBJECT: Final = "arn:aws:states:::s3:getObject"
# The errors of the steps that end a job (skysort.bulk): its status says why, in words for its owner.
REFUSED: Final = "BulkRefused"
CANCELLED: Final = "BulkCancelled"
_DONE: Final = "Done"
_END: Final = "RecordEnd"


class Family(NamedTuple):
    """A function that runs parts. arn: or its name. concurrency: parts at once, at most what is reserved for it."""

    arn: str
    concurrency: int


def bulk_definition(bulk_arn: str, families: Mapping[str, Family]) -> dict[str, Any]:
    """The definition, as a JSON document.

    Parameters
    ----------
    bulk_arn
        The function that plans, prices and finishes: an Amazon Resource Name, or a name.
    families
        What runs the parts, by the names that planning answers, such as ``star-bulk``.

    Returns
    -------
    dict
        Takes ``{"key": "bulk/<owner>/<id>/runs/0001/start.json"}``.
    """
    return {
        "Comment": "Classifies the rows of tables, or pictures, in parts of which each has one result.",
        "StartAt": "Plan",
        "States": {
            "Plan": _step(bulk_arn, "plan", "Planned", family="family", planned="planned"),
            "Planned": {
                "Type": "Choice",
                "Choices": [
                    # A job that goes on has been planned, and probed.
                    {"Variable": "$.plan.planned", "BooleanEquals": True, "Next": "Price"},
                    *_by_family("$.plan.family", "Probe", families),
                ],
                "Default": "UnknownFamily",
            },
            "Price": _step(bulk_arn, "price", "Go", family="family", bucket="bucket", parts_key="parts_key", go="go"),
            "Go": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.price.go", "StringEquals": "yes", "Next": "Family"},
                    {"Variable": "$.price.go", "StringEquals": "finish", "Next": "Finish"},
                ],
                # Only the plan was wanted.
                "Default": _DONE,
            },
            "Family": {
                "Type": "Choice",
                "Choices": _by_family("$.price.family", "Parts", families),
                "Default": "UnknownFamily",
            },
            **{state_name("Probe", name): _step(family.arn, "probe", "Price") for name, family in families.items()},
            **{state_name("Parts", name): _parts(bulk_arn, name, family) for name, family in families.items()},
            "Finish": _step(bulk_arn, "finish", _DONE),
            _DONE: {"Type": "Succeed"},
            "UnknownFamily": {
                "Type": "Pass",
                "Result": {"Error": "UnknownFamily", "Cause": "No function classifies with the model of this job."},
                "ResultPath": "$.error",
                "Next": _END,
            },
            **_ends(bulk_arn),
        },
    }


def state_name(prefix: str, family: str) -> str:
    """The name of a family's state: ``ProbeStar`` of ``star-bulk``."""
    return prefix + family.removesuffix("-bulk").capitalize()


def _by_family(variable: str, prefix: str, families: Mapping[str, Family]) -> list[dict[str, Any]]:
    return [{"Variable": variable, "StringEquals": name, "Next": state_name(prefix, name)} for name in families]


def _step(arn: str, step: str, following: str, **answered: str) -> dict[str, Any]:
    """A step; the fields of its answer are kept at ``$.<step>`` by the given names, the others dropped."""
    kept = {
        "ResultSelector": {f"{name}.$": f"$.Payload.{field}" for name, field in answered.items()},
        "ResultPath": f"$.{step}",
    }
    return {
        **invoke(arn, {"key.$": "$.key", "step": step}, REFUSED, CANCELLED),
        **(kept if answered else {}),
        "Catch": catch(_END),
        "Next": following,
    }


def _parts(bulk_arn: str, name: str, family: Family) -> dict[str, Any]:
    """The Map over the parts. A state's name is unique in the whole machine, so each family's states have its name."""

    def named(state: str) -> str:
        return state_name(state, name)

    given = {"key.$": "$.key", "part.$": "$.part"}
    stopped = [*catch(named("Refused"), REFUSED), *catch(named("Cancelled"), CANCELLED)]
    # Nothing is put out: the outputs of ten thousand parts together would be too large for a state.
    last = {"OutputPath": None, "End": True}
    return {
        "Type": "Map",
        "ItemReader": {
            "Resource": S3_GET_OBJECT,
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket.$": "$.price.bucket", "Key.$": "$.price.parts_key"},
        },
        "ItemSelector": {"key.$": "$.key", "part.$": "$$.Map.Item.Value"},
        "MaxConcurrency": family.concurrency,
        # A part that cannot be done is given up and counted; only what ends the whole job fails.
        "ToleratedFailurePercentage": 0,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": named("Part"),
            "States": {
                named("Part"): {
                    **invoke(family.arn, {**given, "step": "part"}, REFUSED, CANCELLED),
                    "Catch": [*stopped, *catch(named("Split"))],
                    **last,
                },
                named("Split"): {
                    **invoke(family.arn, {**given, "step": "split"}, REFUSED, CANCELLED),
                    "Catch": [*stopped, *catch(named("GiveUp"))],
                    **last,
                },
                named("GiveUp"): {
                    **invoke(bulk_arn, {**given, "step": "give-up", "error.$": "$.error"}, REFUSED, CANCELLED),
                    **last,
                },
                named("Refused"): _fail(REFUSED),
                named("Cancelled"): _fail(CANCELLED),
            },
        },
        "ResultPath": None,
        "Catch": catch(_END),
        "Next": "Finish",
    }


def _fail(error: str) -> dict[str, Any]:
    return {"Type": "Fail", "Error": error, "Cause": "The job's status.json says why."}


def _ends(bulk_arn: str) -> dict[str, Any]:
    """The step that writes how a job ended into its status, whose answer says which end it was."""
    # Not by the error's name: that of a failed part is not the name of the error of the Map.
    outcome = "$.end.outcome"
    return {
        _END: {
            **invoke(bulk_arn, {"key.$": "$.key", "step": "end", "error.$": "$.error"}),
            "ResultSelector": {"outcome.$": "$.Payload.outcome"},
            "ResultPath": "$.end",
            "Next": "Outcome",
        },
        "Outcome": {
            "Type": "Choice",
            "Choices": [
                {"Variable": outcome, "StringEquals": "refused", "Next": "Refused"},
                {"Variable": outcome, "StringEquals": "cancelled", "Next": "Cancelled"},
            ],
            "Default": "Failed",
        },
        # What is wrong with a job's input, and that it was cancelled, is its owner's to know, and no fault of the
        # service.
        "Refused": {"Type": "Succeed"},
        "Cancelled": {"Type": "Succeed"},
        "Failed": {"Type": "Fail", "Error": "BulkFailed", "Cause": "The job's status.json says what failed."},
    }
