"""`skysort`: runs one command and returns its exit status.

Nothing heavy is imported before a command runs, so that help is fast.
"""

from __future__ import annotations

import csv
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from skysort_cli.exits import CommandError, Exit, ProblemError, ServiceError
from skysort_cli.help_texts import SHORT
from skysort_cli.parser import build

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

# Errors caused by an answer that violates the API contract; in process they are bugs.
_MISUNDERSTOOD: Final = (ProblemError, LookupError, TypeError, ValueError, AttributeError, RecursionError, csv.Error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status (see skysort_cli.exits)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    try:
        if words:
            code = _run(build().parse_args(words))
        else:
            sys.stdout.write(SHORT)
            code = Exit.USAGE
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader closed the pipe (| head): discard what is still buffered, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except OSError as error:
        _say(f"the results cannot be written: {error.strerror or error}")
        return Exit.OUTPUT
    except CommandError as error:
        _say(str(error))
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
        fault = f"does not answer as skysort does ({type(error).__name__}: {error!s:.200}); check the address"
        fault = f"rejects the request: {error.detail}" if isinstance(error, ProblemError) else fault
        raise ServiceError(f"{endpoint.url} {fault}") from error
    return code


def _say(message: str) -> None:
    from skysort_cli.terminal import say  # noqa: PLC0415 - not needed for --help

    say(message)
