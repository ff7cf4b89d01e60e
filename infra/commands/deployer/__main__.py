"""Write the policies for whoever deploys a stage, derived from its templates.

    python -m infra.commands.deployer --stage prod -c account=123456789012 -c region=eu-west-1

Writes to the folder of --out: execution-1.json and on, for the role by which CloudFormation deploys (in place of
AdministratorAccess, which CDK's bootstrap gives it otherwise); pipeline-STAGE.json, for a pipeline that deploys;
reader.json, for one that shows what a deployment would change. The stage says account, region, bootstrap qualifier and
permissions boundary, by its configuration or by `-c` as for `make synth`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT
from infra.commands.deployer.permissions import PolicyError
from infra.commands.deployer.policies import QUALIFIER, Account, execution, pipeline, reader
from infra.commands.session import add_options, options_of, stage_of
from infra.stages.functions import StageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import AwsStage

ANY_REGION: Final = "*"
# Policies of the deployer's own, whose names must not begin like what CloudFormation may change.
_NAME: Final = "deploy-skysort"
_NEXT: Final = """
as an administrator of the account, once:
  for name in {names}; do aws iam create-policy --policy-name {prefix}-$name \\
    --policy-document file://{folder}/$name.json; done
  make bootstrap STAGE={stage} ARGS='--cloudformation-execution-policies {arns}'
"""


def whereabouts(chosen: AwsStage) -> Account:
    """Where a stage is deployed; raises PolicyError where it does not say the account."""
    if chosen.account is None:
        raise PolicyError(f"stage {chosen.name} is bound to no account: name it with -c account=123456789012")
    qualifier, boundary = chosen.qualifier or QUALIFIER, chosen.permissions_boundary
    return Account(chosen.account, chosen.region or ANY_REGION, qualifier, boundary)


def synthesised(name: str, more: Sequence[str]) -> list[dict[str, Any]]:
    """The templates of a stage; raises CalledProcessError where it cannot be synthesised."""
    with tempfile.TemporaryDirectory() as folder:
        synth = [sys.executable, "-m", "infra.commands.cdk", "synth", "--stage", name, "--output", folder, *more]
        subprocess.run(synth, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return [json.loads(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*.template.json"))]


def write(folder: Path, name: str, templates: Sequence[dict[str, Any]], where: Account) -> int:
    """Write all policies of a stage; returns the number of those of CloudFormation."""
    policies = execution(templates, where)
    documents = {f"execution-{number}": policy for number, policy in enumerate(policies, start=1)}
    documents |= {f"pipeline-{name}": pipeline(name, where), "reader": reader(where)}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("execution-*.json"):
        old.unlink()
    for file, document in documents.items():
        (folder / f"{file}.json").write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
    return len(policies)


def main(arguments: Sequence[str]) -> None:
    """Write the policies, and print what to do with them."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.deployer", description=__doc__, allow_abbrev=False)
    add_options(parser, "dev")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "deployer")
    options, more = parser.parse_known_args(arguments)
    more += [part for key, value in options.context for part in ("-c", f"{key}={value}")]
    try:
        where = whereabouts(stage_of(options_of(options)))
        count = write(options.out, options.stage, synthesised(options.stage, more), where)
    except (PolicyError, StageError) as error:
        sys.exit(f"no policies were written: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    executions = [f"execution-{number}" for number in range(1, count + 1)]
    names = [*executions, f"pipeline-{options.stage}", "reader"]
    arns = ",".join(f"arn:aws:iam::{where.account}:policy/{_NAME}-{name}" for name in executions)
    sys.stdout.write(f"{len(names)} policies are in {options.out}\n")
    sys.stdout.write(
        _NEXT.format(names=" ".join(names), prefix=_NAME, folder=options.out, stage=options.stage, arns=arns)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
