"""The 1,000 ImageNet classes: class number, WordNet id and a readable name, and named subsets of them.

labels.csv lists them in the order of their WordNet ids, which is the order of the ImageNet
challenge since 2012 and of every public network's output. A name is the first word of the WordNet
3.0 synonym set, as the file names of the public sample photographs have it, with the breed's or
the animal's common name where the first word alone is ambiguous ("Cardigan", "crane").
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skysort.errors import ConfigurationError

FILE: Final = Path(__file__).resolve().parent / "labels.csv"
CLASSES: Final = 1000

# First and last class number of each run; ImageNet orders its classes by WordNet id, which keeps
# relatives together. 118 breeds: the wild relatives (wolves, dingo, dhole) come after the last.
_RUNS: Final = {"dogs": ((151, 268),), "cats": ((281, 285),), "birds": ((7, 24), (80, 100), (127, 146))}


@dataclass(frozen=True, slots=True)
class Labels:
    """Names and WordNet ids by class number, each 1,000 long and without repeats."""

    names: tuple[str, ...]
    wordnet_ids: tuple[str, ...]

    def index(self) -> dict[str, int]:
        """Class number by WordNet id."""
        return {wordnet_id: number for number, wordnet_id in enumerate(self.wordnet_ids)}

    def subsets(self) -> dict[str, list[str]]:
        """The WordNet ids of each named subset, in class order."""
        return {
            name: [self.wordnet_ids[number] for first, last in runs for number in range(first, last + 1)]
            for name, runs in _RUNS.items()
        }


def load(path: Path = FILE) -> Labels:
    """Read the table of classes; a ConfigurationError says what is wrong with it."""
    try:
        with path.open(encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
        numbers = [int(row["class"]) for row in rows]
        labels = Labels(tuple(row["name"] for row in rows), tuple(row["wordnet_id"] for row in rows))
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigurationError(f"the table of classes {path} cannot be read: {problem!r}") from problem
    if numbers != list(range(CLASSES)):
        raise ConfigurationError(f"{path} must number {CLASSES} classes from 0 on, it has {len(rows)} rows")
    if list(labels.wordnet_ids) != sorted(set(labels.wordnet_ids)):
        raise ConfigurationError(f"{path} must list its WordNet ids in order and once each")
    if len({name.casefold() for name in labels.names}) != CLASSES:
        raise ConfigurationError(f"{path} names two classes alike")
    return labels
