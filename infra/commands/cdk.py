"""`make synth|diff|deploy|destroy STAGE=dev`: run the pinned CDK command line on the locked Node.js for a stage.

Other arguments are passed to the CDK command line, e.g. `-c reserve=no` or `--require-approval never`.
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

import boto3
from botocore.exceptions import ClientError, NoCredentialsError

from infra import ROOT, node
from infra.commands import run
from infra.commands.publish import publish
from infra.containers.base import BASE_IMAGE_SETTING, unpinned
from infra.stages.deployments import AWS_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def empty_buckets(*stacks: str) -> None:
    """Delete every version of every object in the buckets of these stacks; a missing stack is skipped.

    Access logging is switched off first: emptying the other buckets would write new access logs.
    """
    s3 = boto3.resource("s3")
    names = [name for stack in stacks for name in buckets(stack)]
    for name in names:
        s3.BucketLogging(name).put(BucketLoggingStatus={})
    for name in names:
        sys.stdout.write(f"emptying {name}\n")
        s3.Bucket(name).object_versions.delete()


def buckets(stack: str) -> Iterator[str]:
    """The names of a deployed stack's buckets."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    try:
        for page in pages.paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId"):
                    yield resource["PhysicalResourceId"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise


INFRA: Final = ROOT / "infra"
PROGRAM: Final = INFRA / "node_modules" / "aws-cdk" / "bin" / "cdk"
ACTIONS: Final = ("bootstrap", "synth", "diff", "deploy", "destroy")


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


def command(action: str, stage: str, more: Sequence[str]) -> list[str]:
    """The command line of an action on all stacks of a stage."""
    stacks = {"bootstrap": [], "synth": ["--quiet"], "diff": [], "deploy": ["--all"], "destroy": ["--all", "--force"]}
    return [str(node.program()), str(PROGRAM), action, *stacks[action], "-c", f"stage={stage}", *more]


def confirmed(stage: str, answer: str | None) -> bool:
    """Whether the owner confirms, by --yes or by typing the stage's name."""
    if answer is not None:
        return answer == stage
    question = f"Delete stage {stage} with everything in its buckets? Type its name: "
    return sys.stdin.isatty() and input(question).strip() == stage


def main(arguments: Sequence[str]) -> int:
    """Run an action; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.cdk", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--stage", default="dev", choices=sorted(AWS_STAGES))
    parser.add_argument("--yes", metavar="STAGE", help="destroy without asking: the stage's name once more")
    options, more = parser.parse_known_args(arguments)
    stage = AWS_STAGES[options.stage]()
    if options.action == "destroy":
        if stage.keep_data:
            parser.error(
                f"stage {stage.name} keeps its data and is protected: set keep_data=False in "
                "infra/stages/deployments.py, deploy, then destroy; retained buckets and logs must be deleted by hand"
            )
        if not confirmed(stage.name, options.yes):
            parser.error(f"nothing was deleted; make destroy STAGE={stage.name} ARGS='--yes {stage.name}' does not ask")
    # CDK's own sentence names no cure; a profile that is handed on to it is its own matter.
    profile = any(argument.startswith("--profile") for argument in more)
    if options.action != "synth" and not profile and boto3.Session().get_credentials() is None:
        raise NoCredentialsError
    if options.action == "destroy":
        empty_buckets(f"skysort-page-{stage.name}", f"skysort-service-{stage.name}")
    if shutil.which("docker") is None and options.action == "deploy":
        parser.error("Docker not found: deploying builds the functions' images")
    if options.action == "deploy" and (note := unpinned(os.environ)):
        # Whoever names a base for a run has chosen it; that of base.txt is for everybody.
        if stage.keep_data and BASE_IMAGE_SETTING not in os.environ:
            parser.error(f"stage {stage.name} is built on a base by digest only: {note}")
        sys.stderr.write(f"note: {note}")
    install()
    arguments = command(options.action, options.stage, more)
    status = subprocess.run(arguments, cwd=INFRA, env=environment(), check=False).returncode
    if options.action == "deploy" and status == 0:
        publish(stage.name)
    return status


if __name__ == "__main__":
    run(main)
