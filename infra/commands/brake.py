"""Show whether a deployed stage is stopped by one of its brakes, and release it (constructs/brake.py).

    python -m infra.commands.brake --stage prod              # which roles the stop policy is attached to
    python -m infra.commands.brake --stage prod --release    # detach it

AWS Budgets would reattach its own: reverse that by `aws budgets execute-budget-action --execution-type
REVERSE_BUDGET_ACTION`, or raise the budget.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import boto3

from infra.commands import run
from infra.stages.deployments import AWS_STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence


def policy_of(stage: str) -> str:
    """The ARN of a stage's stop policy in the caller's account."""
    client = boto3.client("sts")
    account, region = client.get_caller_identity()["Account"], client.meta.region_name
    return f"arn:aws:iam::{account}:policy/skysort-stop-{stage}-{region}"


def stopped(policy: str) -> list[str]:
    """The names of the roles to which a policy is attached."""
    pages = boto3.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    return sorted(role["RoleName"] for page in pages for role in page["PolicyRoles"])


def main(arguments: Sequence[str]) -> int:
    """Show or release; returns 1 if the stage is stopped."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.brake", description=__doc__.splitlines()[0])
    parser.add_argument("--stage", default="prod", choices=sorted(AWS_STAGES))
    parser.add_argument("--release", action="store_true", help="release the stage")
    options = parser.parse_args(arguments)
    policy = policy_of(options.stage)
    roles = stopped(policy)
    for role in roles if options.release else ():
        boto3.client("iam").detach_role_policy(RoleName=role, PolicyArn=policy)
    state = "released" if options.release else "stopped"
    sys.stdout.write(f"{state}: {', '.join(roles)}\n" if roles else f"stage {options.stage} is not stopped\n")
    return 1 if roles and not options.release else 0


if __name__ == "__main__":
    run(main)
