"""The stacks: which constructs are deployed together."""

from __future__ import annotations

from infra import node

node.use()
