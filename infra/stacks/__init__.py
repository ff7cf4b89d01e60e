"""The CDK stacks."""

from __future__ import annotations

from infra import node

node.use()
