"""The largest tables that are not split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.errors import LimitExceededError
from skysort.limits import BULK_UNSPLIT_BYTES, MIB

if TYPE_CHECKING:
    from skysort.bulk.store import Planned


def check_unsplit(obj: Planned, subject: str, most: int = BULK_UNSPLIT_BYTES) -> None:
    """Raise LimitExceededError for a file that is too large to be read by one part."""
    if obj.size > most:
        raise LimitExceededError(
            f"{subject} is read by one part, up to {most // MIB:,} MiB; it has {obj.size // MIB:,} MiB: save it as CSV "
            "or Parquet, which are read by many"
        )
