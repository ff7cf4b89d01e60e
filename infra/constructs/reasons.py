"""Written reasons for what cdk-nag finds, each on the narrowest construct that it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Let a rule's finding on this construct stand, for this reason.

    rule: without its pack, with the finding where the rule has several: ``IAM5[Resource::*]``.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
