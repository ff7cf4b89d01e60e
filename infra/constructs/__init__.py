"""One construct a capability; the stacks put them together."""

from __future__ import annotations

from infra import node

node.use()
