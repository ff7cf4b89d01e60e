"""The commands with their options and arguments, as shell completion needs them, read from the parser."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from skysort.models import MODELS
from skysort.registry.names import SPELLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MODELS: Final = (*MODELS, *(f"{family}/" for family in SPELLED.values()))
_METAVARS_OF_FILES: Final = frozenset({"FILE", "PATH", "SOURCE", "TABLE", "FOLDER_OR_ZIP"})


class Paths(Enum):
    """Which paths a value may be."""

    NONE = auto()
    FILES = auto()
    FOLDERS = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """What may be completed: words, or paths. repeated: whether an argument takes several."""

    name: str
    words: tuple[str, ...] = ()
    paths: Paths = Paths.NONE
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """An option; value is None for a flag."""

    names: tuple[str, ...]
    help: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command, by its words after the program's name; the program itself has none."""

    words: tuple[str, ...]
    help: str
    options: list[Option] = field(default_factory=list)
    arguments: list[Value] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def walk(self) -> Iterator[Command]:
        """The command itself and all below it."""
        yield self
        for command in self.commands:
            yield from command.walk()


def command_tree(parser: argparse.ArgumentParser, words: tuple[str, ...] = (), about: str = "") -> Command:
    """The command of a parser, with all below it."""
    command = Command(words, about)
    for action in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {choice.dest: choice.help or "" for choice in action._get_subactions()}  # noqa: SLF001
            for name, child in action.choices.items():
                command.commands.append(command_tree(child, (*words, name), helps.get(name, "")))
        elif action.option_strings:
            value = None if action.nargs == 0 else _value(action)
            command.options.append(Option(tuple(action.option_strings), _text(action), value))
        else:
            command.arguments.append(_value(action))
    return command


def _value(action: argparse.Action) -> Value:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    repeated = action.nargs in {"*", "+"}
    if action.choices is not None:
        return Value(name, tuple(map(str, action.choices)), repeated=repeated)
    if name == "MODEL":
        return Value(name, _MODELS, repeated=repeated)
    paths = Paths.FILES if name in _METAVARS_OF_FILES else Paths.FOLDERS if name == "FOLDER" else Paths.NONE
    return Value(name, paths=paths, repeated=repeated)


def _text(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


def filled(template: str, parts: Mapping[str, str]) -> str:
    """A script with its @PARTS@ filled in."""
    for name, text in parts.items():
        template = template.replace(name, text)
    return template
