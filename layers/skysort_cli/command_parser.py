"""The parser of each command: help for a terminal of 80 characters, errors with the nearest name that there is."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING, Any, Final, NoReturn

from skysort_cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

# Of `--explain-to FOLDER`, with the two blanks on each side: only longer options have their help below them.
_OPTIONS_WIDTH: Final = 26
_LONGEST_LINE: Final = 100
_COMMANDS: Final = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for a list of commands


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Aligned columns, as wide as the terminal up to a readable length."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, _LONGEST_LINE) - 2
        super().__init__(prog, max_help_position=_OPTIONS_WIDTH, width=width)

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        # A list of commands begins with its metavar, a line of its own that says nothing.
        return text.partition("\n")[2] if isinstance(action, _COMMANDS) else text

    def _iter_indented_subactions(self, action: argparse.Action) -> Generator[argparse.Action, None, None]:
        """The commands of a list, not indented: argparse gives their column two characters too few."""
        if isinstance(action, _COMMANDS):
            yield from action._get_subactions()  # noqa: SLF001


class CommandParser(argparse.ArgumentParser):
    """Reports errors in one line, with a reference to the help of the command that was meant.

    arguments: the title of what is not an option.
    """

    def __init__(self, prog: str, *, arguments: str = "arguments", **options: Any) -> None:
        super().__init__(prog, formatter_class=HelpFormatter, allow_abbrev=False, add_help=False, **options)
        self._positionals.title = arguments
        self.add_argument("-h", "--help", action="help", help="show this help")

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit."""
        self.exit(Exit.USAGE, f"skysort: {message}\nTry `{self.prog} --help`.\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse here what is left over, since this parser knows its own options."""
        known, left = super().parse_known_args(args, namespace)
        if left:
            option = next((word for word in left if word.startswith("-")), "")
            name = option.partition("=")[0]
            self.error(f"unrecognized arguments: {' '.join(left)}{did_you_mean(name, self._option_string_actions)}")
        return known, left

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        name = (action.metavar or action.dest) if isinstance(action, _COMMANDS) else None
        what = f"unknown {str(name).lower()} {value!r:.60}" if name else f"invalid choice {value!r:.60}"
        hint = did_you_mean(str(value), choices) or f"; choose from {', '.join(choices)}"
        raise argparse.ArgumentError(None if name else action, what + hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known words as a question; empty if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for mistakes

    names = sorted(set(known))
    longer = [name for name in names if len(word.strip("-")) > 1 and name.startswith(word)]
    near = longer or get_close_matches(word, names, n=2)
    return f". Did you mean {' or '.join(near[:3])}?" if word and near else ""
