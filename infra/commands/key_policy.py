"""Print the policy that a customer managed key needs for a stage: `python -m infra.commands.key_policy --stage NAME`.

The key is no part of the stack, so its owner sets the policy (`aws kms put-key-policy`), before the stage is deployed.
Roles of the stage get what they need from their own policies, which the first statement admits.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from infra.commands import CommandError, run
from infra.commands.session import add_options, options_of, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import AwsStage

_USE: Final = ["kms:Decrypt", "kms:GenerateDataKey"]
# "Encrypt log data in CloudWatch Logs using AWS Key Management Service", the policy's actions.
_LOGS: Final = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
# Services that put messages into encrypted queues: notifications of the drop bucket, and events that start nothing
# ("Granting permissions to publish event notification messages to a destination", "Configuring KMS permissions for AWS
# services"; AWS's examples have no conditions).
_SENDERS: Final = ["s3.amazonaws.com", "events.amazonaws.com"]


def policy(settings: AwsStage) -> dict[str, Any]:
    """The key's policy; raises CommandError for a stage without a key."""
    if settings.encryption_key is None:
        raise CommandError(f"stage {settings.name} has no encryption_key: AWS's keys need no policy")
    _, partition, _, region, account, _ = settings.encryption_key.split(":", 5)
    log_groups = f"arn:{partition}:logs:{region}:{account}:log-group:"
    names = (
        f"/aws/lambda/skysort-*-{settings.name}",
        f"/skysort/{settings.name}/*",
        "/aws/vendedlogs/states/skysort-*",
    )
    firewall = (f"aws-waf-logs-*{settings.name}*",) if settings.api.firewall else ()
    statements = [
        _statement("OwnerAndItsPolicies", {"AWS": f"arn:{partition}:iam::{account}:root"}, ["kms:*"]),
        _statement(
            "Logs",
            {"Service": f"logs.{region}.amazonaws.com"},
            _LOGS,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [log_groups + name for name in (*names, *firewall)]}},
        ),
        _statement("MessagesIntoQueues", {"Service": _SENDERS}, _USE),
    ]
    if settings.existing.writers:
        writers = [f"arn:{partition}:iam::{writer}:root" for writer in settings.existing.writers]
        through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
        statements.append(_statement("WritersOfOtherAccounts", {"AWS": writers}, _USE, through_s3))
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(
    name: str, principal: dict[str, Any], actions: list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement = {"Sid": name, "Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


def main(arguments: Sequence[str]) -> int:
    """Print the policy; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.key_policy", description=__doc__)
    add_options(parser, "prod")
    settings = stage_of(options_of(parser.parse_args(arguments)))
    sys.stdout.write(json.dumps(policy(settings), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    run(main)
