"""`make synth|diff|deploy|destroy STAGE=dev`: run the pinned CDK command line on the locked Node.js for a stage.

Other arguments are passed to the CDK command line, e.g. `-c reserve=no` or `--require-approval never`. The stacks are
bound to the account and region of the credentials (infra/commands/session.py), so CDK cannot deploy them elsewhere.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra import ROOT, node
from infra.commands import CommandError, run
from infra.commands.empty import delete, delete_stack
from infra.commands.publish import publish
from infra.commands.session import Session, add_options, options_of, stage_of
from infra.commands.stack_state import IMPORT, page_stack, prepare, protect, stacks_of, state, unprotect
from infra.containers.base import BASE_IMAGE_SETTING, unpinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.commands.session import Options
    from infra.stages.stage import AwsStage

INFRA: Final = ROOT / "infra"
PROGRAM: Final = INFRA / "node_modules" / "aws-cdk" / "bin" / "cdk"
ACTIONS: Final = ("bootstrap", "synth", "diff", "deploy", "destroy")
# Arguments with which CDK deploys nothing: the change set is left to be executed by somebody else.
_UNEXECUTED: Final = ("--no-execute", "--method=prepare-change-set", "prepare-change-set")


def environment() -> dict[str, str]:
    """The caller's variables, with the locked Node.js and this Python first on the path."""
    path = os.pathsep.join((str(node.program().parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    # The command line sends usage data unless disabled.
    return {"CDK_DISABLE_CLI_TELEMETRY": "true", **os.environ, "PATH": path}


def install() -> None:
    """Install the programs pinned in infra/package-lock.json, if they are missing or outdated."""
    lock = INFRA / "package-lock.json"
    with lock.open() as held:
        # One process at a time: npm begins by deleting what is there.
        fcntl.flock(held, fcntl.LOCK_EX)
        installed = INFRA / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime or not PROGRAM.exists():
            _install()


def _install() -> None:
    npm = node.folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node.program()), str(npm), "ci", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=INFRA, env=environment(), check=True, stdout=subprocess.DEVNULL)


def command(action: str, options: Options, session: Session | None, more: Sequence[str]) -> list[str]:
    """The command line of an action on all stacks of a stage; without a session, in no environment."""
    stacks = {"bootstrap": [], "synth": ["--quiet"], "diff": [], "deploy": ["--all"], "destroy": ["--all", "--force"]}
    bound = {"account": session.account, "region": session.region} if session else {}
    context = {"stage": options.stage, **options.context, **bound}
    given = [part for key, value in context.items() for part in ("-c", f"{key}={value}")]
    profile = ["--profile", options.profile] if options.profile else []
    return [str(node.program()), str(PROGRAM), action, *stacks[action], *given, *profile, *more]


def confirmed(stage: str, what: str, place: str, answer: str | None) -> bool:
    """Whether the owner confirms, by --yes or by typing the stage's name."""
    if answer is not None:
        return answer == stage
    question = f"Delete {what} of {place}, with everything in its buckets? Type the stage's name: "
    return sys.stdin.isatty() and input(question).strip() == stage


def base_note(stage: AwsStage) -> str | None:
    """What is to be said of a base image by tag, None by digest; raises CommandError if the stage needs a digest."""
    note = unpinned(os.environ)
    # Whoever names a base for a run has chosen it; that of base.txt is for everybody.
    if note and stage.keep_data and BASE_IMAGE_SETTING not in os.environ:
        raise CommandError(f"stage {stage.name} is built on a base by digest only: {note}")
    return note


def _cdk(action: str, options: Options, session: Session | None, more: Sequence[str]) -> int:
    """Run the CDK command line; returns its exit status."""
    install()
    line = command(action, options, session, more)
    return subprocess.run(line, cwd=INFRA, env=environment(), check=False).returncode


def _bootstrap(stage: AwsStage, options: Options, session: Session, more: Sequence[str]) -> int:
    """Bootstrap the account and region, with the stage's qualifier in a stack of its own; returns the exit status."""
    # Named, so that CDK does not ask the app, which wants settings that bootstrapping does not need.
    named = any(argument.startswith("aws://") for argument in more)
    environment = () if named else (f"aws://{session.account}/{session.region}",)
    own = stage.qualifier
    qualifier = ("--qualifier", own, "--toolkit-stack-name", f"CDKToolkit-{own}") if own else ()
    return _cdk("bootstrap", options, session, [*environment, *qualifier, *more])


def _deploy(stage: AwsStage, options: Options, session: Session, more: Sequence[str]) -> int:
    """Deploy the stacks, protect them, and upload the page; returns the exit status."""
    engine = os.environ.get("CDK_DOCKER") or "docker"
    if shutil.which(engine) is None:
        raise CommandError(
            f"{engine} not found: deploying builds the functions' images. Install Docker, or name another engine that "
            "CDK can use, e.g. CDK_DOCKER=podman or CDK_DOCKER=finch"
        )
    if note := base_note(stage):
        sys.stderr.write(f"note: {note}")
    created = prepare(session, stage, adopt=IMPORT in more)
    unprotected = ("-c", f"unprotected={','.join(created)}") if created and stage.keep_data else ()
    status = _cdk("deploy", options, session, [*unprotected, *more])
    executed = not any(argument in _UNEXECUTED for argument in more)
    if executed:
        protect(session, stage)
    if status == 0 and executed:
        publish(session, stage)
    return status


def _destroy(stage: AwsStage, options: Options, session: Session, more: Sequence[str], *, page_only: bool) -> int:
    """Delete the stacks, or the page's alone, with what is in their buckets; returns the exit status."""
    page = state(session, page_stack(stage.name))
    if page_only and page is None:
        raise CommandError(f"stage {stage.name} has no page in {session.place}")
    # CDK knows nothing of the page of a stage that has none any more.
    if page and (page_only or not stage.page):
        name = page.name
        unprotect(session, page)
        status = delete(session, (name,), lambda: delete_stack(session, name))
        if status or page_only:
            return status
    return delete(session, stacks_of(stage.name), lambda: _cdk("destroy", options, session, more))


def main(arguments: Sequence[str]) -> int:
    """Run an action; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.cdk", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=ACTIONS)
    add_options(parser, "dev")
    parser.add_argument("--yes", metavar="STAGE", help="destroy without asking: the stage's name once more")
    parser.add_argument("--page", action="store_true", help="destroy the page alone")
    parsed, more = parser.parse_known_args(arguments)
    options = options_of(parsed)
    stage = stage_of(options)
    if parsed.action == "synth":
        return _cdk("synth", options, None, more)
    # A page holds nothing but what the next deployment uploads again.
    if parsed.action == "destroy" and stage.keep_data and not parsed.page:
        raise CommandError(
            f"stage {stage.name} keeps its data and is protected: set keep_data to false, deploy, then destroy; "
            "retained buckets and logs must be deleted by hand"
        )
    session = Session.open(stage, options)
    sys.stderr.write(f"{parsed.action} of stage {stage.name}: {session.place}, as {session.arn}\n")
    if parsed.action == "deploy":
        return _deploy(stage, options, session, more)
    if parsed.action == "destroy":
        what = f"{'the page of ' if parsed.page else ''}stage {stage.name}"
        if not confirmed(stage.name, what, session.place, parsed.yes):
            raise CommandError(
                f"nothing was deleted; make destroy STAGE={stage.name} ARGS='--yes {stage.name}' does not ask"
            )
        return _destroy(stage, options, session, more, page_only=parsed.page)
    if parsed.action == "bootstrap":
        return _bootstrap(stage, options, session, more)
    return _cdk(parsed.action, options, session, more)


if __name__ == "__main__":
    run(main)
