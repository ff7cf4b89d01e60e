"""Permissions of a role: a policy of its own a purpose, so that each is read, named and reasoned where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.constructs.reasons import acknowledge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from constructs import Construct


def bucket_arn(scope: Construct, bucket: str, keys: str = "") -> str:
    """The ARN of a bucket by its name, or of keys in it: ``/incoming/star/*``."""
    return f"arn:{Stack.of(scope).partition}:s3:::{bucket}{keys}"


def grant(
    scope: Construct, name: str, role: iam.IRole, allowed: Mapping[str, Iterable[str]], reason: str = ""
) -> iam.Policy:
    """Attach a policy to a role; returns it, for what must wait until it is attached.

    allowed: resource -> actions, no action with a wildcard. reason: why a resource may have one.
    """
    policy = iam.Policy(
        scope,
        name,
        roles=[role],
        statements=[iam.PolicyStatement(actions=sorted(actions), resources=[on]) for on, actions in allowed.items()],
    )
    for resource in allowed:
        if resource.endswith("*"):
            acknowledge(policy, f"IAM5[Resource::{as_nag_reads(scope, resource)}]", reason)
    return policy


def as_nag_reads(scope: Construct, resource: str) -> str:
    """A resource with its tokens as cdk-nag spells them: ``<AWS::Partition>``, ``<Queue.Arn>``."""
    resolved = Stack.of(scope).resolve(resource)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    return "".join(part if isinstance(part, str) else f"<{_named(part)}>" for part in parts)


def _named(reference: Mapping[str, Any]) -> str:
    return ".".join(reference["Fn::GetAtt"]) if "Fn::GetAtt" in reference else reference["Ref"]
