"""`skysort`: read the command line, run one command, and turn its end into an exit status."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from skysort_cli.exits import CommandError, Exit
from skysort_cli.parser import build

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status (see skysort_cli.exits)."""
    try:
        options = build().parse_args(arguments)
        code = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left (| head). What is still buffered has nowhere to go, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except OSError as error:
        _say(f"the results cannot be written: {error.strerror or error}")
        return Exit.OUTPUT
    except CommandError as error:
        _say(error.sentence)
        return error.exit
    except KeyboardInterrupt:
        _say("interrupted")
        return Exit.INTERRUPTED
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(f"skysort_cli.commands.{options.command}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"httpx", "rich"}:
            raise
        _say(f"the command line needs the package {error.name}: pip install rich httpx")
        return Exit.MISSING
    code: int = command.run(options)
    return code


def _say(sentence: str) -> None:
    from skysort_cli.terminal import say  # noqa: PLC0415

    say(sentence)
