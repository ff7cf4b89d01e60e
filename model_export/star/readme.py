"""The tables of README.md: filled from the results, so that no figure in them is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def fill(results: Path) -> None:
    """Placeholder."""
    del results
