"""The completion script for zsh: a function of specifications for `_arguments` for each command."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from skysort_cli.completion.tree import Paths, filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort_cli.completion.tree import Command, Option, Value

_PATHS: Final = {Paths.NONE: " ", Paths.FILES: "_files", Paths.FOLDERS: "_files -/"}
_SCRIPT: Final = r"""#compdef skysort
# zsh completion of skysort; in ~/.zshrc, after compinit: eval "$(skysort completion zsh)"
@FUNCTIONS@
if [[ ${funcstack[1]} == _skysort ]]; then
    _skysort "$@"
else
    compdef _skysort skysort
fi
"""


def script(program: Command) -> str:
    """Write the script of a program."""
    return filled(_SCRIPT, {"@FUNCTIONS@": "\n".join(map(_function, program.walk()))})


def _function(command: Command) -> str:
    specs = [spec for option in command.options for spec in _options(option)]
    lines = [f"{_name(command)}() {{"]
    if command.commands:
        choices = " ".join(f'{child.words[-1]}\\:"{_plain(child.help)}"' for child in command.commands)
        specs += [f"1:command:(({choices}))", "*:: :->rest"]
        lines += ["    local curcontext=$curcontext state line", f"    _arguments -C {shlex.join(specs)}"]
        lines.append("    case ${line[1]} in")
        lines += [f"        {child.words[-1]}) {_name(child)} ;;" for child in command.commands]
        lines.append("    esac")
    else:
        specs += [
            f"{'*' if value.repeated else place}:{value.name}:{_action(value)}"
            for place, value in enumerate(command.arguments, start=1)
        ]
        lines.append(f"    _arguments {shlex.join(specs)}")
    return "\n".join([*lines, "}"])


def _name(command: Command) -> str:
    return "_".join(("_skysort", *command.words))


def _options(option: Option) -> Iterator[str]:
    others = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    for name in option.names:
        about = "[" + re.sub(r"([][\\])", r"\\\1", option.help) + "]"
        value = "" if option.value is None else f":{option.value.name.replace(':', ' ')}:{_action(option.value)}"
        yield f"{others}{name}{'=' if value else ''}{about}{value}"


def _action(value: Value) -> str:
    return f"({' '.join(value.words)})" if value.words else _PATHS[value.paths]


def _plain(text: str) -> str:
    """Text within double quotes."""
    return re.sub(r'(["$`\\])', r"\\\1", text)
