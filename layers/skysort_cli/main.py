"""`skysort`: read the command line, run one command, and turn its end into an exit status."""

from __future__ import annotations

import csv
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from skysort_cli.exits import CommandError, Exit, ProblemError, ServiceError
from skysort_cli.parser import build

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

# What code raises over an answer that is not of the contract's form; in process it would be an error of our own.
_MISUNDERSTOOD: Final = (ProblemError, LookupError, TypeError, ValueError, AttributeError, RecursionError, csv.Error)


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
    try:
        code: int = command.run(options)
    except _MISUNDERSTOOD as error:
        from skysort_cli.endpoint import find_endpoint  # noqa: PLC0415 - not needed for --help

        endpoint = find_endpoint(
            getattr(options, "endpoint", None), os.environ, in_process=getattr(options, "in_process", False)
        )
        if endpoint is None or isinstance(error, UnicodeEncodeError):
            raise
        raise ServiceError(f"{endpoint.url} {_told(error)}") from error
    return code


def _told(error: Exception) -> str:
    """What is wrong with a service over whose answer a command stumbled."""
    if isinstance(error, ProblemError):
        return f"refuses: {error.detail}"
    return f"does not answer as skysort does ({type(error).__name__}: {error!s:.200}); is the address right?"


def _say(sentence: str) -> None:
    from skysort_cli.terminal import say  # noqa: PLC0415

    say(sentence)
