"""Publishing an artefact: version numbers, and the rule that a worse model never replaces the one in place.

The rule: on the same test split, neither accuracy nor macro F1 may be lower than that of the card in place. Equal
scores are accepted; without a card in place anything is published.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, REFUSED, log
from model_export.common.files import artefact, read_json, write_json
from skysort.errors import ArtefactError
from skysort.model_card import CARD_FILE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

FIRST: Final = "1.0.0"
PARTS: Final = ("major", "minor", "patch")
COMPARED: Final = ("accuracy", "macro_f1")


def add_options(command: argparse.ArgumentParser, model: str) -> None:
    """Add the options of `export`: the artefact folder, and which part of the version to raise."""
    folder = f"artefact folder (default functions/{model}/model)"
    command.add_argument("--into", type=Path, default=None, help=folder)
    text = "which part of the version to raise (default %(default)s)"
    command.add_argument("--bump", choices=PARTS, default="minor", help=text)


def next_version(current: str | None, part: str) -> str:
    """The next version: 1.2.3 -> 2.0.0 (major), 1.3.0 (minor) or 1.2.4 (patch); the first is 1.0.0."""
    if current is None:
        return FIRST
    numbers = [int(number) for number in current.split(".")]
    index = PARTS.index(part)
    return ".".join(str(n) for n in [*numbers[:index], numbers[index] + 1, *[0] * (len(PARTS) - index - 1)])


class Target:
    """The artefact folder that an export writes to.

    card: the card in place, or None. version: the version of the candidate.
    """

    def __init__(self, model: str, options: argparse.Namespace) -> None:
        self.model = model
        self.folder: Path = options.into or artefact(model)
        path = self.folder / CARD_FILE
        self.card: dict[str, Any] | None = read_json(path, f"{model} export") if path.exists() else None
        self.version = next_version(None if self.card is None else self.card["version"], options.bump)

    def refuse(self, reason: str) -> int:
        """Print on stderr why nothing is published; returns the exit code."""
        print(f"not published: {reason}", file=sys.stderr)
        return REFUSED

    def publish(self, contents: Mapping[str, bytes], card: Mapping[str, Any]) -> int:
        """Write the files and the card; returns the exit code."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (self.folder / name).write_bytes(content)
        write_json(self.folder / CARD_FILE, card)
        log(f"published {self.model} {self.version} to {self.folder}")
        return OK


def worse(candidate: Mapping[str, Any], in_place: Mapping[str, Any], version: str, subject: str = "") -> str | None:
    """Why a candidate must not replace the model in place, or None; `subject` is prefixed to the score's name."""
    for score in COMPARED:
        new, old = candidate[score]["value"], in_place[score]["value"]
        if new < old:
            name = f"{subject}{score.replace('_', ' ')}"
            return f"{name} on the test split is {new:.6f}, below the {old:.6f} of {version} in place"
    return None


@contextmanager
def reading_card() -> Iterator[None]:
    """Raise an ArtefactError for a key that the card in place lacks."""
    try:
        yield
    except (KeyError, TypeError) as missing:
        raise ArtefactError(f"the card in place lacks {missing}; repair or remove it") from missing
