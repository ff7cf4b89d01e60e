"""`make doctor STAGE=prod`: whether a deployment would succeed, checked before it begins. Changes nothing.

Prints a table: ok, note (worth knowing), unknown (AWS or these credentials do not tell) or failed (a deployment would
fail, and what to do). The exit status is 1 if a check failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT
from infra.commands import CommandError, run
from infra.commands.account_checks import AccountChecks
from infra.commands.cdk import INFRA, base_note, environment
from infra.commands.checks import Result, failed, findings, note, ok, table
from infra.commands.session import Session, add_options, options_of, stage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from infra.commands.checks import Finding
    from infra.commands.session import Options
    from infra.stages.stage import AwsStage

# Names that a stage gives, and that are left behind, or taken by others: where a template has them.
_NAMED: Final = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SQS::Queue": "QueueName",
}


def synthesise(options: Options, session: Session | None) -> list[dict[str, Any]]:
    """The templates of a stage; CommandError with the app's own sentence if it refuses the stage."""
    context = json.loads((INFRA / "cdk.json").read_text())["context"] | {"stage": options.stage, **options.context}
    if session is not None:
        context |= {"account": session.account, "region": session.region}
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        variables = {"CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": json.dumps(context), "PYTHONPATH": path}
        command = [sys.executable, "-P", "-m", "infra.app"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment() | variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the app failed")
        return [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.template.json"))]


def names_of(templates: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Type and name of each resource whose name the templates fix."""
    for template in templates:
        for resource in template["Resources"].values():
            name = resource.get("Properties", {}).get(_NAMED.get(resource["Type"], ""))
            if isinstance(name, str):
                yield resource["Type"], name


def engine() -> tuple[Result, str]:
    """Whether the engine that builds the images answers."""
    name = os.environ.get("CDK_DOCKER") or "docker"
    program = shutil.which(name)
    if program is None:
        return failed(f"{name} is not on the path: install Docker, or name another engine (CDK_DOCKER=podman or finch)")
    if subprocess.run([program, "info"], capture_output=True, check=False).returncode:
        return failed(f"{program} does not answer `{name} info`: start its engine, or join its group")
    return ok(program)


def base_image(stage: AwsStage) -> tuple[Result, str]:
    """Whether builds are reproducible, which a stage that keeps its data demands."""
    return note(" ".join(text.split())) if (text := base_note(stage)) else ok("by digest")


def command_line() -> tuple[Result, str]:
    """The CDK command line that commands run."""
    version = json.loads((INFRA / "package.json").read_text())["dependencies"]["aws-cdk"]
    return ok(f"aws-cdk {version}, locked, on the locked Node.js; Python {sys.version.split()[0]}")


def diagnose(options: Options) -> list[Finding]:
    """Every check of this machine, the settings and the account."""
    stage = stage_of(options)
    found = findings([("engine", engine), ("base image", lambda: base_image(stage)), ("CDK", command_line)])
    sessions: list[Session] = []
    templates: list[dict[str, Any]] = []

    def credentials() -> tuple[Result, str]:
        sessions.append(Session.open(stage, options))
        return ok(f"{sessions[0].place}, as {sessions[0].arn}")

    def settings() -> tuple[Result, str]:
        templates.extend(synthesise(options, sessions[0] if sessions else None))
        return ok(f"stage {stage.name}: {sum(len(template['Resources']) for template in templates)} resources")

    found += findings([("credentials", credentials), ("settings", settings)])
    if sessions:
        found += findings(AccountChecks(sessions[0], stage, names_of(templates)).all())
    elif found[-2].result is Result.UNKNOWN:
        # Without credentials nothing can be deployed, whatever AWS says of them.
        found[-2] = type(found[-2])("credentials", Result.FAILED, found[-2].sentence)
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table; returns 1 if a deployment would fail."""
    parser = argparse.ArgumentParser(
        prog="make doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, "dev")
    found = diagnose(options_of(parser.parse_args(arguments)))
    sys.stdout.write(table(found))
    return 1 if any(finding.result is Result.FAILED for finding in found) else 0


if __name__ == "__main__":
    run(main)
