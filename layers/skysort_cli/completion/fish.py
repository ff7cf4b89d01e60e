"""The completion script for fish: a line for each command, argument and option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort_cli.completion.tree import Paths, filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort_cli.completion.tree import Command, Option, Value

# -x: without the names of files; -F: with them.
_PATHS: Final = {Paths.NONE: "-x", Paths.FILES: "-r -F", Paths.FOLDERS: "-x -a '(__fish_complete_directories)'"}
_SCRIPT: Final = r"""# fish completion of skysort, for ~/.config/fish/completions/skysort.fish
function __skysort_words
    commandline -opc | tail -n +2 | string match -v -- '-*'
end
function __skysort_in # whether the command line begins with these commands
    set -l words (__skysort_words)
    for at in (seq (count $argv))
        test "$words[$at]" = "$argv[$at]"; or return 1
    end
end
function __skysort_at # whether it has these commands and no argument yet
    __skysort_in $argv; and test (count (__skysort_words)) -eq (count $argv)
end
function __skysort_after # whether it has these commands and an argument
    __skysort_in $argv; and test (count (__skysort_words)) -gt (count $argv)
end
complete -c skysort -f
@LINES@
"""


def script(program: Command) -> str:
    """Write the script of a program."""
    return filled(_SCRIPT, {"@LINES@": "\n".join(line for command in program.walk() for line in _lines(command))})


def _lines(command: Command) -> Iterator[str]:
    for child in command.commands:
        yield _line("at", command, f"-a {child.words[-1]} -d {_quoted(child.help)}")
    for place, value in enumerate(command.arguments):
        # After a first argument of its own kind come files; a flag's value may be taken for one.
        yield _line("after" if place else "at" if len(command.arguments) > 1 else "in", command, _what(value))
    for option in command.options:
        yield _line("in", command, _option(option))


def _line(condition: str, command: Command, what: str) -> str:
    return f"complete -c skysort -n '{' '.join((f'__skysort_{condition}', *command.words))}' {what}"


def _option(option: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    value = "" if option.value is None else f" {_what(option.value, option=True)}"
    return f"{names}{value} -d {_quoted(option.help)}"


def _what(value: Value, *, option: bool = False) -> str:
    if value.words:
        return f"{'-x ' if option else ''}-a {_quoted(' '.join(value.words))}"
    return _PATHS[value.paths] if option else _PATHS[value.paths].removeprefix("-x").removeprefix("-r").strip() or "-f"


def _quoted(text: str) -> str:
    """Text in single quotes, as fish reads them."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
