"""CDK constructs, one per capability; the stacks combine them."""

from __future__ import annotations

from infra import node

node.use()
