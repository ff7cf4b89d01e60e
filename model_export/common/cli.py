"""The command line of a model: progress bars, messages, and errors without a traceback."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from skysort.errors import ConfigurationError, SkysortError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

OK: Final = 0
REFUSED: Final = 1
USER_ERROR: Final = 2
INTERRUPTED: Final = 130

# Results go to stdout, progress and messages to stderr, so that the output can be piped.
console: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def progress() -> Progress:
    """A progress bar on stderr with elapsed and remaining time; nothing is drawn unless stderr is a terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=console)


def log(message: str) -> None:
    """Print a status message on stderr."""
    console.print(message, markup=False)


def each_model(
    command: str, description: str | None, arguments: list[str], known: Collection[str], run: Callable[[str], object]
) -> int:
    """Run a command of several models for those that its arguments name, by default all; the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m model_export {command}", description=description)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join(known)} (default all)")
    names = parser.parse_args(arguments).models or list(known)

    def run_all() -> int:
        for name in names:
            if name not in known:
                raise ConfigurationError(f"unknown model {name!r}; choose from {', '.join(known)}")
            run(name)
        return OK

    return guarded(run_all)


def guarded(command: Callable[[], int]) -> int:
    """Run a command; a SkysortError is printed as one line and gives exit code 2."""
    try:
        return command()
    except SkysortError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def positive(text: str) -> float:
    """Parse a number above 0; raises ArgumentTypeError."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be above 0 (got {text})")
    return value


def count(text: str) -> int:
    """Parse an integer of at least 1; raises ArgumentTypeError."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1 (got {text})")
    return value


def fraction(text: str) -> float:
    """Parse a number above 0 and at most 1; raises ArgumentTypeError."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1 (got {text})")
    return value


class CommandLine:
    """``python -m model_export MODEL COMMAND``: a command calls `run` in the module of the same name.

    The module is imported only when its command runs, so --help and wrong options need not wait for torch or xgboost.
    """

    def __init__(self, model: str, description: str) -> None:
        self._model = model
        self._parser = argparse.ArgumentParser(
            prog=f"python -m model_export {model}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._commands = self._parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        self,
        name: str,
        purpose: str,
        *,
        module: str = "",
        function: str = "run",
        data: tuple[str, str] = ("DIR", "data folder (default: SKYSORT_DATA)"),
        threads: tuple[int, str] = (1, "threads (default %(default)s)"),
    ) -> argparse.ArgumentParser:
        """Add a command with --data, --build, --results and --threads, and return its parser for more options.

        Parameters
        ----------
        name, purpose
            Name of the command, and its line in --help.
        module, function
            What the command calls; by default `run` in the module of the same name.
        data
            Metavar and help of --data.
        threads
            Default and help of --threads.

        Returns
        -------
        argparse.ArgumentParser
            The parser of the command.
        """
        command = self._commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        command.set_defaults(module=module or name.replace("-", "_"), function=function)
        folders = (
            ("--data", *data),
            ("--build", "DIR", f"work files (default build/{self._model})"),
            ("--results", "DIR", f"committed figures (default model_export/{self._model}/results)"),
        )
        for option, metavar, text in folders:
            command.add_argument(option, type=Path, default=None, metavar=metavar, help=text)
        command.add_argument("--threads", type=count, default=threads[0], help=threads[1])
        return command

    def run(self, arguments: list[str]) -> int:
        """Run a command; exit code 2 with a message for a user error."""
        options = self._parser.parse_args(arguments)
        return guarded(lambda: self._run(options))

    def _run(self, options: argparse.Namespace) -> int:
        try:
            module = importlib.import_module(f"model_export.{self._model}.{options.module}")
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.startswith(("model_export", "skysort")):
                raise
            group = "train" if self._model == "star" else "train-images"
            message = f"{options.command} needs the package {missing.name}: pip install --group {group}"
            raise ConfigurationError(message) from missing
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(options.threads)
        command: Callable[[argparse.Namespace], int] = getattr(module, options.function)
        return command(options)
