"""`make sam`: prepare the functions and the API of a stage for `sam local invoke` and `sam local start-api`.

CDK synthesises the template of the stage, SAM builds its images. SAM identifies the images by the functions' logical
ids, derived from their names: star-drop is StarDropFunction.
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

if TYPE_CHECKING:
    from collections.abc import Sequence

SAM: Final = ROOT / ".venv" / "sam" / "bin" / "sam"
# SAM's default folder.
BUILD: Final = ROOT / ".aws-sam" / "build"
# SAM sends usage data unless disabled; it requires a region for placeholder addresses.
QUIET: Final = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
_NEXT: Final = """
ready:
  export SAM_CLI_TELEMETRY=0
  {sam} local invoke StarFunction -e events/star_row.json --skip-pull-image
  {sam} local start-api --skip-pull-image --warm-containers LAZY
"""


def build(stage: str, folder: Path, endpoint: str | None, more: Sequence[str] = ()) -> None:
    """Write the stage's template and build its images; folder/template.yaml is what `sam local` takes.

    endpoint: AWS endpoint for the functions, as seen from a container; by default AWS. more: for the CDK command line,
    such as `-c config=...`. Raises CalledProcessError.
    """
    assembly = folder.parent / "cdk.out"
    context = ["-c", f"endpoint={endpoint}"] if endpoint else []
    # SAM warns about long construct paths, and does not need them.
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
        *more,
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
    """Add an empty OpenAPI body, without which `sam local start-api` ignores the binary media types."""
    document = json.loads(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            resource["Properties"]["Body"] = {"swagger": "2.0", "paths": {}}
    template.write_text(json.dumps(document), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Build, and print the next commands; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.sam", description=__doc__, allow_abbrev=False)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--folder", type=Path, default=BUILD, help="folder of the built template")
    parser.add_argument("--endpoint", help="AWS endpoint for the functions, e.g. http://host.docker.internal:5000")
    options, more = parser.parse_known_args(arguments)
    try:
        build(options.stage, options.folder.resolve(), options.endpoint, more)
    except subprocess.CalledProcessError as error:
        return error.returncode
    sys.stdout.write(_NEXT.format(sam=SAM.relative_to(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
