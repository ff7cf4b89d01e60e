"""Of a Dockerfile with many targets, the part that one target is built by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STAGE: Final = re.compile(r"FROM (?P<base>\S+) AS (?P<name>\S+)")
_COPY: Final = re.compile(r"COPY (?:--from=(?P<stage>\S+) )?(?P<sources>.+) \S+")


@dataclass(frozen=True, slots=True)
class Copy:
    """One COPY: its sources, and the stage that they are taken from, None for the build context."""

    stage: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The instructions that a target needs, without comments and without those of other targets."""

    instructions: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a Dockerfile."""
        return "\n".join((*self.instructions, ""))

    def copies(self, arguments: Mapping[str, str]) -> Iterator[Copy]:
        """Every COPY, with the build's arguments in their place."""
        for instruction in self.instructions:
            if found := _COPY.fullmatch(instruction):
                sources = Template(found["sources"]).safe_substitute(arguments).split()
                yield Copy(found["stage"], tuple(sources))


def reduce(text: str, target: str) -> Recipe:
    """The part of a Dockerfile that a target is built by: its stage, and those that it starts or copies from."""
    stages: dict[str, list[str]] = {"": []}
    name = ""
    for instruction in _instructions(text):
        if begun := _STAGE.fullmatch(instruction):
            name = begun["name"]
            stages[name] = []
        stages[name].append(instruction)
    wanted, waiting = {""}, [target]
    while waiting:
        name = waiting.pop()
        if name in stages and name not in wanted:
            wanted.add(name)
            waiting += _sources(stages[name])
    return Recipe(tuple(instruction for name, lines in stages.items() if name in wanted for instruction in lines))


def _instructions(text: str) -> Iterator[str]:
    """Each instruction in one line, with single spaces between its words as long as none is quoted."""
    lines = [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    for joined in "\n".join(lines).replace("\\\n", "").splitlines():
        if joined:
            yield joined if '"' in joined or "'" in joined else " ".join(joined.split())


def _sources(instructions: list[str]) -> Iterator[str]:
    for instruction in instructions:
        if begun := _STAGE.fullmatch(instruction):
            yield begun["base"]
        elif (copied := _COPY.fullmatch(instruction)) and copied["stage"]:
            yield copied["stage"]
