"""`make rollback STAGE=prod`: point `live` aliases back at the versions that the last deployment replaced.

Each version is proven first, as a release is: by the release hook, in its own version of that time, which has the
samples and model cards of then. If one is not proven, no alias moves. An alias keeps its provisioned concurrency, and a
canary under way ends. Only functions that the last deployment gave a new version are moved: to run the command again
changes nothing. `--only FUNCTION` moves this one to the version before, whenever it came, `--to N` to this version.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from infra.commands import CommandError, run
from infra.commands.session import Session, add_options, options_of, stage_of
from infra.commands.stack_state import service_stack, state
from infra.stages.functions import Canary
from skysort.release.aws import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_lambda import LambdaClient

    from infra.stages.stage import AwsStage

_LIVE: Final = "live"
_HOOK: Final = "release-hook"
# A proof lasts as long as its cold starts, at most ten minutes; a second attempt would only start another.
_PATIENT: Final = Config(read_timeout=630, retries={"total_max_attempts": 1})
# Versions of the hook that may prove a version: that of its time, or the one before, where both came at once.
_HOOKS: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A published version of a function."""

    number: int
    published: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """One alias and where it goes. function: its name in the stage; deployed: in Lambda. before: what is live."""

    function: str
    deployed: str
    before: Version
    version: Version
    hooks: tuple[int, ...]

    def __str__(self) -> str:
        """As the command prints it."""
        published = f"{self.version.published:%Y-%m-%d %H:%M} UTC"
        return f"{self.function}: {self.before.number} -> {self.version.number}, of {published}"


def versions(client: LambdaClient, function: str) -> list[Version]:
    """The published versions of a function, oldest first; empty if there is no such function."""
    try:
        pages = list(client.get_paginator("list_versions_by_function").paginate(FunctionName=function))
    except ClientError as error:
        if _code(error) != "ResourceNotFoundException":
            raise
        return []
    found = [version for page in pages for version in page["Versions"] if version["Version"].isdecimal()]
    return sorted(Version(int(one["Version"]), _time(one["LastModified"])) for one in found)


def _time(text: str) -> datetime:
    """A time as Lambda writes it, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan(
    session: Session, stage: AwsStage, client: LambdaClient, *, only: Sequence[str] = (), to: int | None = None
) -> list[Move]:
    """What a rollback would move.

    Parameters
    ----------
    session
        Where the stage is.
    stage
        Its settings.
    client
        Lambda's.
    only
        Functions to move; none for those of the last deployment.
    to
        The version of the one function that is named; None for the version before.

    Returns
    -------
    list of Move
        In the order of the stage's functions.

    Raises
    ------
    CommandError
        If the stage is not deployed, a deployment is under way, or there is nothing to go back to.
    """
    deployed = state(session, service_stack(stage.name))
    if deployed is None:
        raise CommandError(f"stage {stage.name} is not deployed in {session.place}")
    if deployed.status.endswith("_IN_PROGRESS"):
        raise CommandError(
            f"a deployment is under way ({deployed.status}); to turn it back: aws cloudformation cancel-update-stack "
            f"--stack-name {deployed.name} --region {session.region}"
        )
    if unknown := sorted({*only} - {*stage.functions}):
        raise CommandError(f"unknown function {unknown[0]!r}; choose from {', '.join(stage.functions)}")
    if to is not None and len(only) != 1:
        raise CommandError("versions are counted by function: name the one that --to is about, e.g. --only star")
    hooks = versions(client, stage.function_name(_HOOK))
    moves = []
    for function in only or stage.functions:
        move = _move(client, function, stage.function_name(function), hooks, to)
        since = None if only else deployed.changed
        if move is not None and (since is None or move.before.published >= since):
            moves.append(move)
    if not moves and only:
        raise CommandError(f"nothing to go back to: no other version of {', '.join(only)} before the one that is live")
    if not moves:
        when = f", which began at {deployed.changed:%Y-%m-%d %H:%M} UTC" if deployed.changed else ""
        raise CommandError(
            f"nothing to go back to: no live version that replaced another comes from the last deployment{when}. "
            f"To go back further, name a function: make rollback STAGE={stage.name} ARGS='--only star'"
        )
    return moves


def _move(client: LambdaClient, function: str, deployed: str, hooks: Sequence[Version], to: int | None) -> Move | None:
    """Where the alias of a function goes; None if there is nothing before, or it is there."""
    found = versions(client, deployed)
    live = int(client.get_alias(FunctionName=deployed, Name=_LIVE)["FunctionVersion"]) if found else 0
    if to is not None and to not in {one.number for one in found}:
        there = ", ".join(str(one.number) for one in found)
        raise CommandError(f"{function} has no version {to}; there are {there}")
    targets = [one for one in found if (one.number == to if to is not None else one.number < live)]
    if not targets or targets[-1].number == live:
        return None
    target = targets[-1]
    after = next((one for one in found if one.number > target.number), None)
    # Of its own time: the samples and cards of a later release are of a later model.
    of_then = [hook.number for hook in reversed(hooks) if after is None or hook.published <= after.published]
    before = next(one for one in found if one.number == live)
    return Move(function, deployed, before, target, tuple(of_then[:_HOOKS]))


def prove(client: LambdaClient, hook: str, move: Move) -> str:
    """Have the release hook prove a version; returns why it is not proven, nothing if it is."""
    arn = client.get_function(FunctionName=move.deployed)["Configuration"]["FunctionArn"]
    properties = {"Do": "prove", "Function": move.function, "Version": f"{arn}:{move.version.number}"}
    request = {"RequestType": "Update", "ResourceProperties": properties}
    reason = f"there is no version of {hook} of its time"
    for number in move.hooks:
        reply = client.invoke(FunctionName=f"{hook}:{number}", Payload=json.dumps(request).encode())
        answer = json.loads(reply["Payload"].read())
        if not reply.get("FunctionError") and answer.get("proven"):
            return ""
        reason = str(answer.get("reason") or answer)[:500]
    return reason


def move_alias(client: LambdaClient, deployment: Deployment, move: Move) -> int | None:
    """Point the alias at the version; returns its number of provisioned sandboxes, as before, None without any."""
    warm = deployment.provisioned(move.deployed, _LIVE)
    client.update_alias(
        FunctionName=move.deployed,
        Name=_LIVE,
        FunctionVersion=str(move.version.number),
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    if warm is not None and deployment.provisioned(move.deployed, _LIVE) != warm:
        deployment.provision(move.deployed, _LIVE, warm)
    return warm


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _refused(client: LambdaClient, stage: AwsStage, moves: Sequence[Move]) -> Iterator[str]:
    for move in moves:
        if reason := prove(client, stage.function_name(_HOOK), move):
            yield f"{move.function} {move.version.number}: {reason}"


def main(arguments: Sequence[str]) -> int:
    """Move the aliases; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make rollback", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, "dev")
    parser.add_argument("--only", action="append", default=[], metavar="FUNCTION", help="move this one; repeatable")
    parser.add_argument("--to", type=int, metavar="N", help="the version, for one function; forward, too")
    parser.add_argument("--dry-run", action="store_true", help="only print what would move")
    parsed = parser.parse_args(arguments)
    options = options_of(parsed)
    stage = stage_of(options)
    session = Session.open(stage, options)
    client: LambdaClient = session.boto.client("lambda", config=_PATIENT)
    moves = plan(session, stage, client, only=parsed.only, to=parsed.to)
    if parsed.dry_run:
        sys.stdout.writelines(f"{move}\n" for move in moves)
        return 0
    if refused := list(_refused(client, stage, moves)):
        raise CommandError("no alias was moved, since these versions were not proven:\n  " + "\n  ".join(refused))
    deployment = Deployment(session=session.boto)
    for move in moves:
        warm = move_alias(client, deployment, move)
        sys.stdout.write(f"{move}{f', {warm} kept warm' if warm else ''}\n")
    _report(stage, moves)
    return 0


def _report(stage: AwsStage, moves: Sequence[Move]) -> None:
    """Say what the next deployment does with the moved aliases."""
    sys.stdout.write(
        "A deployment of other code moves them on. The same code again does not: CloudFormation sees no change.\n"
    )
    for move in moves:
        if isinstance(stage.functions[move.function].roll_out, Canary):
            sys.stdout.write(
                f"{move.function} is shifted by CodeDeploy, which begins at the version that the stack has: "
                f"before the next deployment, make rollback STAGE={stage.name} "
                f"ARGS='--only {move.function} --to {move.before.number}'\n"
            )


if __name__ == "__main__":
    run(main)
