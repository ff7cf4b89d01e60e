"""A stage's stacks as CloudFormation has them: state, outputs, resources, and protection from deletion.

A stack is protected once it exists: CDK sets the protection of its template before it executes the change set, and a
protected stack whose first deployment has failed could not be deleted, which the next deployment begins with. So a
stack that is yet to be created is left unprotected (`-c unprotected=`, infra/stacks/base.py), and protected afterwards.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.commands import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from infra.commands.session import Session
    from infra.stages.stage import AwsStage

# Stack status codes ("Stack status codes", AWS CloudFormation).
_NEVER_CREATED: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
_UNEXECUTED: Final = "REVIEW_IN_PROGRESS"
_STABLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
_CURES: Final = {
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {name} --region {region}; its "
    "events name the resource in the way",
    "DELETE_FAILED": "make destroy STAGE={stage}, which was interrupted or found a bucket that was not empty",
}
_BUCKET: Final = "AWS::S3::Bucket"
# What a stage may retain that has a fixed name, and so stands in the way of a stack that creates it anew.
_RETAINED: Final = frozenset({_BUCKET, "AWS::Logs::LogGroup"})
IMPORT: Final = "--import-existing-resources"


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack. protected: from deletion. outputs: by name. changed: when its last update began, or its creation."""

    name: str
    status: str
    protected: bool
    outputs: Mapping[str, str]
    changed: datetime | None = None


def service_stack(stage: str) -> str:
    """The name of a stage's service stack."""
    return f"skysort-service-{stage}"


def page_stack(stage: str) -> str:
    """The name of a stage's page stack."""
    return f"skysort-page-{stage}"


def stacks_of(stage: str) -> tuple[str, str]:
    """The names of a stage's stacks, in the order of their deletion."""
    return page_stack(stage), service_stack(stage)


def state(session: Session, name: str) -> StackState | None:
    """A stack's state; None if it does not exist."""
    try:
        (found,) = session.boto.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return StackState(
        name,
        found["StackStatus"],
        bool(found.get("EnableTerminationProtection")),
        {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())},
        found.get("LastUpdatedTime") or found.get("CreationTime"),
    )


def outputs(session: Session, name: str) -> Mapping[str, str]:
    """The outputs of a stack; empty if it does not exist."""
    found = state(session, name)
    return found.outputs if found else {}


def resources(session: Session, name: str) -> Iterator[tuple[str, str]]:
    """Type and physical id of each resource that a stack has, or retained; none if the stack does not exist."""
    pages = session.boto.client("cloudformation").get_paginator("list_stack_resources")
    try:
        for page in pages.paginate(StackName=name):
            for resource in page["StackResourceSummaries"]:
                if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "DELETE_COMPLETE":
                    yield resource["ResourceType"], resource["PhysicalResourceId"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise


def buckets(session: Session, name: str) -> list[str]:
    """The names of a stack's buckets."""
    return [id_ for type_, id_ in resources(session, name) if type_ == _BUCKET]


def prepare(session: Session, stage: AwsStage, *, adopt: bool, look: bool = False) -> tuple[str, ...]:
    """Make way for a deployment.

    Parameters
    ----------
    adopt
        Whether the deployment imports existing resources.
    look
        Whether nothing is to be changed.

    Returns
    -------
    tuple of str
        The stacks that it will create, which must not be protected before.

    Raises
    ------
    CommandError
        If a stack is in a state that a deployment cannot leave, or a failed one has left what it would create again.
    """
    new = []
    for name in stacks_of(stage.name):
        found = state(session, name)
        if name == page_stack(stage.name) and not stage.page:
            if found is not None:
                # It imports the API's id from the service stack, which so could not withdraw it.
                raise CommandError(
                    f"stage {stage.name} has a page, which has to go before it is deployed without one: "
                    f"make destroy STAGE={stage.name} ARGS=--page"
                )
        elif found is None or found.status == _UNEXECUTED:
            new.append(name)
        elif found.status in _NEVER_CREATED:
            _check_left(session, found, adopt=adopt)
            if not look:
                _clear(session, found)
            new.append(name)
        elif found.status in _CURES:
            cure = _CURES[found.status].format(name=name, region=session.region, stage=stage.name)
            raise CommandError(f"{name} is {found.status} and cannot be deployed; first run {cure}")
    return tuple(new)


def _check_left(session: Session, found: StackState, *, adopt: bool) -> None:
    """Refuse a deployment that would create again what a failed one has left."""
    left = sorted(id_ for type_, id_ in resources(session, found.name) if type_ in _RETAINED)
    if left and not adopt and found.status == "ROLLBACK_COMPLETE":
        raise CommandError(
            f"the first deployment of {found.name} failed, and left {', '.join(left)}, which the next would create "
            f"again. Delete them, or have the stack take them over: make deploy ARGS={IMPORT}"
        )


def _clear(session: Session, found: StackState) -> None:
    """Let CDK delete a stack whose creation was rolled back: nothing that it made is in use."""
    unprotect(session, found)
    sys.stdout.write(f"{found.name}: its first deployment failed and was rolled back; it is created anew\n")


def unprotect(session: Session, found: StackState) -> None:
    """Let a stack be deleted."""
    if found.protected:
        session.boto.client("cloudformation").update_termination_protection(
            StackName=found.name, EnableTerminationProtection=False
        )


def protect(session: Session, stage: AwsStage) -> None:
    """Protect the stacks of a stage that keeps its data, where they exist, from deletion."""
    for name in stacks_of(stage.name) if stage.keep_data else ():
        found = state(session, name)
        if found is not None and found.status in _STABLE and not found.protected:
            session.boto.client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=True
            )
            sys.stdout.write(f"{name} is protected from deletion\n")
