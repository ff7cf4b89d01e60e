"""Which pictures train, which choose, and which only ever test.

Pictures that show the same sky form one group and stay on one side. A group's place is decided by
a hash of its lowest name and the seed, within its class and kind of label: the first 18 % of the
exact labels by hash test, the next 12 % validate, the rest trains. Pictures without an exact label
train, unless one of their group tests or validates: then nobody uses them.

The seed is 2, after Galaxy Zoo 2. It was chosen before any score was looked at. The lists are
committed in splits/, one name a line, and the pairs of one sky beside them.

Any two round smooth galaxies look alike, so likeness of the pixels says little of whether they show the same sky. What
sets a picture apart is what is left when the common look is taken away: pictures are projected on the leading principal
components of all of them and whitened, which leaves neighbours, noise and asymmetries to compare. EFIGI pictures are
compared at several zooms, since their frames follow the galaxy's diameter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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
# CosmoFormer's parts of the 209,293 galaxies of galaxy-datasets: 125,575, 41,859 and 41,859.
HELD: Final = 0.2
FOLDER: Final = Path(__file__).resolve().parent / "splits"
EASY: Final = "zhu5"  # a published clean subset: five classes, confident votes only
THUMBNAIL: Final = 32
COMPONENTS: Final = 200
BLOCK: Final = 1024
# Chosen by looking at the pairs: no two Galaxy Zoo 2 pictures above it are one galaxy, they share the
# place of a bright star at most; between the surveys most pairs above it are one galaxy.
SAME_SKY: Final = 0.7
WINDOW: Final = 200
EFIGI_WINDOW: Final = 98
ZOOMS: Final = (50, 60, 70, 80, 92, 106, 122, 140, 160, 184, 210)


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
    """Deal the groups out. group: (len(gz2) + len(efigi),) as `groups` gives it."""
    names = np.array(gz2.identifiers + efigi.identifiers)
    exact = np.concatenate([gz2.exact, np.zeros(len(efigi), dtype=np.bool_)])
    usable = np.concatenate([np.ones(len(gz2), dtype=np.bool_), efigi.exact])
    part = np.full(len(names), "train", dtype="<U10")
    for stratum in _strata(gz2, group[: len(gz2)]):
        ordered = sorted(stratum, key=lambda leader: order_hash(str(names[leader]), seed))
        tested, validated = round(TEST * len(ordered)), round((TEST + VALIDATION) * len(ordered))
        part[np.isin(group, ordered[:tested])] = "test"
        part[np.isin(group, ordered[tested:validated])] = "validation"
    part[(part != "train") & ~exact] = "left_out"
    chosen = {name: tuple(sorted(names[(part == name) & usable].tolist())) for name in PARTS}
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


def order_hash(name: str, seed: int) -> bytes:
    """Eight bytes whose order deals names out."""
    return hashlib.blake2b(name.encode(), digest_size=8, key=seed.to_bytes(8, "little")).digest()


def counts(catalogue: Catalogue, chosen: NDArray[np.intp]) -> dict[str, int]:
    """Pictures of each class, and those without an exact one, among the chosen rows."""
    label = catalogue.label[chosen]
    known = {name: int((label == index).sum()) for index, name in enumerate(CLASSES)}
    return {**known, "partial": int((label < 0).sum())}


def grey(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 218, 218) luminance of (n, 218, 218, 3) crops."""
    out = np.empty(crops.shape[:3], dtype=np.uint8)
    for start in range(0, len(crops), BLOCK):
        block = crops[start : start + BLOCK].astype(np.uint16)
        out[start : start + BLOCK] = (block[..., 0] + 2 * block[..., 1] + block[..., 2]) // 4
    return out


def thumbnails(greys: NDArray[np.uint8], window: int) -> NDArray[np.float32]:
    """(n, 32 x 32) mean grey of the middle `window` pixels (at least 32), square-root stretched."""
    edge = (greys.shape[1] - window) // 2
    cells = np.linspace(edge, edge + window, THUMBNAIL + 1).astype(int)
    out = np.empty((len(greys), THUMBNAIL * THUMBNAIL), dtype=np.float32)
    for start in range(0, len(greys), BLOCK):
        block = greys[start : start + BLOCK, : cells[-1], : cells[-1]].astype(np.float32)
        sums = np.add.reduceat(np.add.reduceat(block, cells[:-1], axis=1), cells[:-1], axis=2)
        sizes = np.outer(np.diff(cells), np.diff(cells))
        out[start : start + BLOCK] = np.sqrt(sums / sizes).reshape(len(block), -1)
    return out


class Whitener:
    """Principal components of a reference set of thumbnails, scaled to equal weight."""

    def __init__(self, reference: NDArray[np.float32], components: int = COMPONENTS) -> None:
        normal = _standardise(reference)
        self._mean = normal.mean(axis=0)
        centred = normal - self._mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        kept = slice(-min(components, len(values)), None)
        self._projection = vectors[:, kept] / np.sqrt(values[kept] + 1e-6)

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, components) unit vectors whose dot product is the likeness, -1 to 1."""
        projected = (_standardise(pictures) - self._mean) @ self._projection
        return (projected / np.linalg.norm(projected, axis=1, keepdims=True)).astype(np.float32)


def pairs_above(left: NDArray[np.float32], right: NDArray[np.float32], threshold: float) -> list[tuple[int, int]]:
    """(row of left, row of right) of every pair whose likeness is at or above the threshold."""
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(left), BLOCK):
        rows, columns = np.nonzero(left[start : start + BLOCK] @ right.T >= threshold)
        pairs += zip((rows + start).tolist(), columns.tolist(), strict=True)
    return pairs


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,) for each picture the lowest index that it is linked to through any chain of pairs."""
    links = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(links.shape[1]), tuple(links)), shape=(count, count))
    _, part = connected_components(graph, directed=False)
    _, lowest = np.unique(part, return_index=True)
    return np.asarray(lowest[part], dtype=np.int64)


def same_sky(gz2: NDArray[np.uint8], efigi: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of one sky among the (n, 218, 218, 3) crops of both surveys; EFIGI's are numbered after the others."""
    greys, efigi_greys = grey(gz2), grey(efigi)
    wide = thumbnails(greys, WINDOW)
    projected = Whitener(wide)(wide)
    pairs = [(one, other) for one, other in pairs_above(projected, projected, SAME_SKY) if one < other]
    frames = thumbnails(efigi_greys, EFIGI_WINDOW)
    whitener = Whitener(frames)
    efigi_projected = whitener(frames)
    within = pairs_above(efigi_projected, efigi_projected, SAME_SKY)
    pairs += [(len(gz2) + one, len(gz2) + other) for one, other in within if one < other]
    for zoom in ZOOMS:
        across = pairs_above(whitener(thumbnails(greys, zoom)), efigi_projected, SAME_SKY)
        pairs += [(one, len(gz2) + other) for one, other in across]
    return sorted(set(pairs))


def _standardise(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=1, keepdims=True) + 1e-6))


def deal(catalogue: Catalogue, seed: int = SEED) -> Split:
    """CosmoFormer's proportions, by a hash of the names, whatever the class; those of no class are left out."""
    names = [name for name, exact in zip(catalogue.identifiers, catalogue.exact, strict=True) if exact]
    names.sort(key=lambda name: order_hash(name, seed))
    held = int(np.ceil(HELD * len(names)))
    without = tuple(sorted(set(catalogue.identifiers) - set(names)))
    return Split(
        train=tuple(sorted(names[2 * held :])),
        validation=tuple(sorted(names[held : 2 * held])),
        test=tuple(sorted(names[:held])),
        left_out=without,
    )
