"""``report``: fill the tables of README.md from the committed results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_export.common.cli import OK, say
from model_export.image import readme

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings


def run(options: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every command is called alike
    """Write model_export/image/README.md."""
    readme.fill(options.results or readme.RESULTS)
    say(f"filled {readme.README}")
    return OK
