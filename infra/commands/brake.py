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

from infra.commands import run
from infra.commands.session import Session, add_options, options_of, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def policy_of(session: Session, stage: str) -> str:
    """The ARN of a stage's stop policy."""
    return f"arn:{session.partition}:iam::{session.account}:policy/skysort-stop-{stage}-{session.region}"


def stopped(session: Session, policy: str) -> list[str]:
    """The names of the roles to which a policy is attached."""
    pages = session.boto.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    return sorted(role["RoleName"] for page in pages for role in page["PolicyRoles"])


def main(arguments: Sequence[str]) -> int:
    """Show or release; returns 1 if the stage is stopped."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.brake", description=__doc__.splitlines()[0])
    add_options(parser, "prod")
    parser.add_argument("--release", action="store_true", help="release the stage")
    parsed = parser.parse_args(arguments)
    options = options_of(parsed)
    session = Session.open(stage_of(options), options)
    policy = policy_of(session, options.stage)
    roles = stopped(session, policy)
    for role in roles if parsed.release else ():
        session.boto.client("iam").detach_role_policy(RoleName=role, PolicyArn=policy)
    state = "released" if parsed.release else "stopped"
    sys.stdout.write(f"{state}: {', '.join(roles)}\n" if roles else f"stage {options.stage} is not stopped\n")
    return 1 if roles and not parsed.release else 0


if __name__ == "__main__":
    run(main)
