"""One construct a capability; the stacks put them together."""

from __future__ import annotations

from infra.commands import node

node.use()
