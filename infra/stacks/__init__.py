"""The stacks: which constructs are deployed together."""

from __future__ import annotations

from infra.commands import node

node.use()
