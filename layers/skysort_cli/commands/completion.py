"""`skysort completion`: a script that completes commands in a shell."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from skysort_cli.completion.tree import command_tree
from skysort_cli.exits import Exit
from skysort_cli.parser import build

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Print it; returns the exit status."""
    shell = importlib.import_module(f"skysort_cli.completion.{options.shell}")
    sys.stdout.write(shell.script(command_tree(build())))
    return Exit.OK
