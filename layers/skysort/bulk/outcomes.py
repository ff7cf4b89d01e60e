"""How a step of a bulk job ends that is not to be repeated; the state machine knows these errors by their names."""

from __future__ import annotations


class BulkRefused(Exception):  # noqa: N818 - see above
    """A job can never succeed as it is; the message says why."""


class BulkCancelled(Exception):  # noqa: N818 - see above
    """A job was cancelled."""
