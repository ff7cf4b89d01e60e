"""What the constructs around a deployed function need of it; infra.constructs.function.ModelFunction is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_logs as logs


class Deployed(Protocol):
    """A function with its role, its log group, and the alias that callers use."""

    @property
    def function(self) -> lambda_.Function:
        """The function."""

    @property
    def alias(self) -> lambda_.Alias:
        """Its `live` alias, on the current version."""

    @property
    def role(self) -> iam.Role:
        """What it may do."""

    @property
    def log_group(self) -> logs.LogGroup:
        """Where it logs."""
