"""`make sam`: have the functions and the API of a stage ready for `sam local invoke` and `sam local start-api`.

CDK writes the stage's template, SAM builds the images that it names. SAM itself finds the images by the functions'
logical ids, which are made of their names: star-drop is StarDropFunction.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.stages.deployments import AWS_STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

SAM: Final = ROOT / ".venv" / "sam" / "bin" / "sam"
# Where SAM looks when it is not told.
BUILD: Final = ROOT / ".aws-sam" / "build"
# SAM reports what it is used for otherwise; and it wants a region for the addresses that it makes up.
QUIET: Final = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
_NEXT: Final = """
ready:
  export SAM_CLI_TELEMETRY=0
  {sam} local invoke StarFunction -e events/star_row.json --skip-pull-image
  {sam} local start-api --skip-pull-image --warm-containers LAZY
"""


def build(stage: str, folder: Path, endpoint: str | None) -> None:
    """Write the stage's template and build its images; folder/template.yaml is what `sam local` takes.

    endpoint: where the functions find AWS, as a container reaches it; without it, at AWS. Raises CalledProcessError.
    """
    assembly = folder.parent / "cdk.out"
    context = ["-c", f"endpoint={endpoint}"] if endpoint else []
    # SAM warns of every construct's path that is longer than it expects, and needs none of them.
    synth = [
        "-m",
        "infra.commands.cdk",
        "synth",
        "--stage",
        stage,
        "--no-path-metadata",
        "--output",
        str(assembly),
        *context,
    ]
    subprocess.run([sys.executable, *synth], cwd=ROOT, check=True)
    template = assembly / f"skysort-service-{stage}.template.json"
    name_binary_types(template)
    command = [str(SAM), "build", "--template", str(template), "--build-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=QUIET | os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def name_binary_types(template: Path) -> None:
    """Have `sam local start-api` read the API's binary media types, as it does beside an OpenAPI body only."""
    document = json.loads(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            resource["Properties"]["Body"] = {"swagger": "2.0", "paths": {}}
    template.write_text(json.dumps(document), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Build, and say what to run next; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.sam", description=__doc__)
    parser.add_argument("--stage", default="dev", choices=sorted(AWS_STAGES))
    parser.add_argument("--folder", type=Path, default=BUILD, help="where the built template goes")
    parser.add_argument(
        "--endpoint", help="where the functions find AWS instead, e.g. http://host.docker.internal:5000"
    )
    options = parser.parse_args(arguments)
    try:
        build(options.stage, options.folder.resolve(), options.endpoint)
    except subprocess.CalledProcessError as error:
        return error.returncode
    sys.stdout.write(_NEXT.format(sam=SAM.relative_to(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
