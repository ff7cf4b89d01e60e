"""The split into training, validation and test part.

Pictures of the same sky form a group, which stays in one part. Its part is decided by a hash of its lowest name and
the seed, within its class and kind of label: of the exact labels, the first 18 % by hash are the test part, the next
12 % the validation part, the rest the training part. Pictures without an exact label train, unless their group is in
another part: then they are left out.

The seed is 2, after Galaxy Zoo 2. It was chosen before any score was seen. The lists are committed in splits/, one
name per line, with the pairs of the same sky.

Any two round smooth galaxies look alike, so pixel similarity says little about whether they show the same sky.
Pictures are therefore projected on the leading principal components of all pictures and whitened, which removes the
common appearance and leaves neighbours, noise and asymmetries to compare. EFIGI pictures are compared at several
zooms, since their frames follow the galaxy's diameter.
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
# CosmoFormer's split of the 209,293 galaxies of galaxy-datasets: 125,575, 41,859 and 41,859.
HELD: Final = 0.2
FOLDER: Final = Path(__file__).resolve().parent / "splits"
EASY: Final = "zhu5"  # a published clean subset: five classes, confident votes only
THUMBNAIL: Final = 32
COMPONENTS: Final = 200
BLOCK: Final = 1024
# Chosen by inspecting the pairs: no two Galaxy Zoo 2 pictures above it show the same galaxy, at most a bright star at
# the same position; between the surveys most pairs above it show the same galaxy.
SAME_SKY: Final = 0.7
WINDOW: Final = 200
EFIGI_WINDOW: Final = 98
ZOOMS: Final = (50, 60, 70, 80, 92, 106, 122, 140, 160, 184, 210)


@dataclass(frozen=True, slots=True)
class Split:
    """Names of the pictures in each part, sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    left_out: tuple[str, ...]

    def part(self, name: str) -> tuple[str, ...]:
        """The names of a part (one of PARTS)."""
        names: tuple[str, ...] = getattr(self, name)
        return names


def make(gz2: Catalogue, efigi: Catalogue, group: NDArray[np.int64], seed: int = SEED) -> Split:
    """Split by group; group: (len(gz2) + len(efigi),) as returned by `groups`."""
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
    """Write a list for each part."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in split.part(part)), encoding="utf-8")


def load(folder: Path = FOLDER) -> Split:
    """Read the lists; a ConfigurationError names the command that writes them."""
    try:
        return Split(**{part: tuple((folder / f"{part}.txt").read_text(encoding="utf-8").split()) for part in PARTS})
    except OSError as problem:
        raise ConfigurationError(
            f"{problem.filename} cannot be read ({problem.strerror}); run `python -m model_export galaxy data` first"
        ) from problem


def save_pairs(pairs: Iterable[tuple[str, str]], folder: Path = FOLDER) -> None:
    """Write the names of pictures of the same sky, one pair per line."""
    (folder / PAIRS).write_text("".join(f"{left} {right}\n" for left, right in pairs), encoding="utf-8")


def rows(names: tuple[str, ...], catalogue: Catalogue) -> NDArray[np.intp]:
    """Ascending row of each name in the catalogue; names of the other survey are skipped."""
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
    """Eight bytes by which names are ordered."""
    return hashlib.blake2b(name.encode(), digest_size=8, key=seed.to_bytes(8, "little")).digest()


def counts(catalogue: Catalogue, chosen: NDArray[np.intp]) -> dict[str, int]:
    """Number of pictures of each class, and of those without an exact class, among the chosen rows."""
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
    """(n, 32 x 32) mean luminance of the central `window` pixels (at least 32), square-root stretched."""
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
    """Whitened principal components of a reference set of thumbnails."""

    def __init__(self, reference: NDArray[np.float32], components: int = COMPONENTS) -> None:
        normal = _standardise(reference)
        self._mean = normal.mean(axis=0)
        centred = normal - self._mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        kept = slice(-min(components, len(values)), None)
        self._projection = vectors[:, kept] / np.sqrt(values[kept] + 1e-6)

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, components) unit vectors whose dot product is the similarity, -1 to 1."""
        projected = (_standardise(pictures) - self._mean) @ self._projection
        return (projected / np.linalg.norm(projected, axis=1, keepdims=True)).astype(np.float32)


def pairs_above(left: NDArray[np.float32], right: NDArray[np.float32], threshold: float) -> list[tuple[int, int]]:
    """(row of left, row of right) of every pair with a similarity of at least the threshold."""
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(left), BLOCK):
        rows, columns = np.nonzero(left[start : start + BLOCK] @ right.T >= threshold)
        pairs += zip((rows + start).tolist(), columns.tolist(), strict=True)
    return pairs


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,) the lowest index in each picture's connected component of pairs."""
    links = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(links.shape[1]), tuple(links)), shape=(count, count))
    _, part = connected_components(graph, directed=False)
    _, lowest = np.unique(part, return_index=True)
    return np.asarray(lowest[part], dtype=np.int64)


def same_sky(gz2: NDArray[np.uint8], efigi: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of the same sky among the (n, 218, 218, 3) crops of both surveys, EFIGI numbered after Galaxy Zoo 2."""
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
    """A split in CosmoFormer's proportions by a hash of the names, unstratified; unlabelled pictures are left out."""
    names = [name for name, exact in zip(catalogue.identifiers, catalogue.exact, strict=True) if exact]
    names.sort(key=lambda name: order_hash(name, seed))
    count = int(np.ceil(HELD * len(names)))
    without = tuple(sorted(set(catalogue.identifiers) - set(names)))
    return Split(
        train=tuple(sorted(names[2 * count :])),
        validation=tuple(sorted(names[count : 2 * count])),
        test=tuple(sorted(names[:count])),
        left_out=without,
    )
