"""The completion script for bash, from 3.2 on (macOS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort_cli.completion.tree import Paths, filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysort_cli.completion.tree import Command, Value

_KINDS: Final = {Paths.NONE: "", Paths.FILES: "files", Paths.FOLDERS: "folders"}
_SCRIPT: Final = r"""# bash completion of skysort; in ~/.bashrc: eval "$(skysort completion bash)"
_skysort_value() { # whether an option of a command takes a value, and what it may be
    words="" kind=""
    case "$1 $2" in
@VALUES@
        *) return 1 ;;
    esac
}
_skysort_argument() { # what a command's argument may be, by its place
    words="" kind=""
    case "$1 $2" in
@ARGUMENTS@
    esac
}
_skysort_options() {
    case "$1" in
@OPTIONS@
    esac
}
_skysort() {
    local IFS=$' \t\n' current="${COMP_WORDS[COMP_CWORD]}" path="" word words="" kind="" value="" at place=0
    for ((at = 1; at < COMP_CWORD; at++)); do
        word="${COMP_WORDS[at]}"
        if [[ $word == -* ]]; then
            _skysort_value "$path" "$word" || continue
            # bash makes a word of the sign in --option=value
            [[ ${COMP_WORDS[at + 1]} == "=" ]] && ((at++))
            ((++at < COMP_CWORD)) || value=yes
        else
            case "${path:+$path }$word" in
                @COMMANDS@) path="${path:+$path }$word" place=0 ;;
                *) ((place++)) ;;
            esac
        fi
    done
    [[ $current == "=" ]] && current=""
    if [[ -z $value && $current == -* ]]; then
        words="$(_skysort_options "$path")" kind=""
    elif [[ -z $value ]]; then
        _skysort_argument "$path" "$place"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
    [[ -n $kind ]] || return 0
    IFS=$'\n'
    compopt -o filenames 2>/dev/null
    if [[ $kind == folders ]]; then
        COMPREPLY+=($(compgen -d -- "$current"))
    else
        COMPREPLY+=($(compgen -f -- "$current"))
    fi
    return 0
}
complete -F _skysort skysort
"""


def script(program: Command) -> str:
    """Write the script of a program."""
    values: dict[str, list[str]] = {}
    arguments: list[str] = []
    options: list[str] = []
    for command in program.walk():
        path = " ".join(command.words)
        for option in command.options:
            if option.value is not None:
                values.setdefault(_setting(option.value), []).extend(f'"{path} {name}"' for name in option.names)
        names = " ".join(name for option in command.options for name in option.names if name != "-h")
        options.append(f'"{path}") echo "{names}" ;;')
        if command.commands:
            arguments.append(f'"{path} 0") words="{" ".join(child.words[-1] for child in command.commands)}" ;;')
        for place, value in enumerate(command.arguments):
            arguments.append(f'"{path} {"" if value.repeated else place}"{"*" * value.repeated}) {_setting(value)} ;;')
    paths = "|".join(f'"{" ".join(command.words)}"' for command in program.walk() if command.words)
    parts = {
        "@VALUES@": _indented(f"{'|'.join(names)}) {setting} ;;" for setting, names in values.items()),
        "@ARGUMENTS@": _indented(arguments),
        "@OPTIONS@": _indented(options),
        "@COMMANDS@": paths,
    }
    return filled(_SCRIPT, parts)


def _setting(value: Value) -> str:
    return f'words="{" ".join(value.words)}" kind="{_KINDS[value.paths]}"'


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"        {line}" for line in lines)
