"""Which pictures train, which choose, and which only ever test.

Pictures that show the same sky form one group and stay on one side. A group's place is decided by
a hash of its lowest name and the seed, within its class and kind of label: the first 18 % of the
exact labels by hash test, the next 12 % validate, the rest trains. Pictures without an exact label
train, unless one of their group tests or validates: then nobody uses them.

The seed is 2, after Galaxy Zoo 2. It was chosen before any score was looked at. The lists are
committed in splits/, one name a line, and the pairs of one sky beside them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy.labels import CLASSES
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue

SEED: Final = 2
TEST: Final = 0.18
VALIDATION: Final = 0.12
PARTS: Final = ("train", "validation", "test", "left_out")
PAIRS: Final = "same_sky.txt"
FOLDER: Final = Path(__file__).resolve().parent / "splits"
EASY: Final = "zhu5"  # a published clean subset: five classes, confident votes only


@dataclass(frozen=True, slots=True)
class Split:
    """Names of the pictures in each part, in the order of their hashes' lists (sorted)."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    left_out: tuple[str, ...]

    def part(self, name: str) -> tuple[str, ...]:
        """The names of one of PARTS."""
        names: tuple[str, ...] = getattr(self, name)
        return names


def make(gz2: Catalogue, efigi: Catalogue, group: NDArray[np.int64], seed: int = SEED) -> Split:
    """Deal the groups out. group: (len(gz2) + len(efigi),) as duplicates.groups gives it."""
    names = np.array(gz2.identifiers + efigi.identifiers)
    exact = np.concatenate([gz2.exact, np.zeros(len(efigi), dtype=np.bool_)])
    usable = np.concatenate([np.ones(len(gz2), dtype=np.bool_), efigi.exact])
    place = np.full(len(names), "train", dtype="<U10")
    for stratum in _strata(gz2, group[: len(gz2)]):
        ordered = sorted(stratum, key=lambda leader: place_hash(str(names[leader]), seed))
        tested, validated = round(TEST * len(ordered)), round((TEST + VALIDATION) * len(ordered))
        place[np.isin(group, ordered[:tested])] = "test"
        place[np.isin(group, ordered[tested:validated])] = "validation"
    place[(place != "train") & ~exact] = "left_out"
    chosen = {part: tuple(sorted(names[(place == part) & usable].tolist())) for part in PARTS}
    return Split(**chosen)


def save(split: Split, folder: Path = FOLDER) -> None:
    """Write one list a part."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in split.part(part)), encoding="utf-8")


def load(folder: Path = FOLDER) -> Split:
    """Read the lists; a ConfigurationError names the command that makes them."""
    try:
        return Split(**{part: tuple((folder / f"{part}.txt").read_text(encoding="utf-8").split()) for part in PARTS})
    except OSError as problem:
        raise ConfigurationError(
            f"{problem.filename} cannot be read ({problem.strerror}); run `python -m model_export galaxy data` first"
        ) from problem


def save_pairs(pairs: Iterable[tuple[str, str]], folder: Path = FOLDER) -> None:
    """Write the names of every two pictures of one sky, a pair a line."""
    (folder / PAIRS).write_text("".join(f"{one} {other}\n" for one, other in pairs), encoding="utf-8")


def load_pairs(folder: Path = FOLDER) -> list[tuple[str, str]]:
    """Read them back."""
    lines = (folder / PAIRS).read_text(encoding="utf-8").splitlines()
    return [(one, other) for one, other in (line.split() for line in lines)]


def rows(names: tuple[str, ...], catalogue: Catalogue) -> NDArray[np.intp]:
    """Row of each name that the catalogue holds, ascending; names of the other survey are passed over."""
    wanted = set(names)
    return np.array([row for row, name in enumerate(catalogue.identifiers) if name in wanted], dtype=np.intp)


def digest(names: tuple[str, ...]) -> str:
    """SHA-256 of a list as it is committed."""
    return hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()


def _strata(gz2: Catalogue, group: NDArray[np.int64]) -> list[list[int]]:
    strata: dict[tuple[int, bool], list[int]] = {}
    seen: set[int] = set()
    for row in np.flatnonzero(gz2.exact):
        leader = int(group[row])
        if leader not in seen:
            seen.add(leader)
            strata.setdefault((int(gz2.label[row]), gz2.source[row] == EASY), []).append(leader)
    return [strata[key] for key in sorted(strata)]


def place_hash(name: str, seed: int) -> bytes:
    """Eight bytes whose order deals names out."""
    return hashlib.blake2b(name.encode(), digest_size=8, key=seed.to_bytes(8, "little")).digest()


def counts(catalogue: Catalogue, chosen: NDArray[np.intp]) -> dict[str, int]:
    """Pictures of each class, and those without an exact one, among the chosen rows."""
    label = catalogue.label[chosen]
    known = {name: int((label == place).sum()) for place, name in enumerate(CLASSES)}
    return {**known, "partial": int((label < 0).sum())}
