"""Galaxy10 DECaLS (Leung & Bovy, after Walmsley et al. 2021): an HDF5 file of pictures in ten classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import h5py
import numpy as np
from PIL import Image

from model_export.common.fetch import checksum, fetch
from model_export.galaxy.catalogue import Catalogue
from model_export.galaxy.labels import CLASSES
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FILE: Final = "Galaxy10_DECals.h5"
URL: Final = f"https://astro.utoronto.ca/~hleung/shared/Galaxy10/{FILE}"
SHA256: Final = "19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571"
# Its classes by number, and the corresponding class of the eight; two have none.
CLASSES_10: Final[dict[str, str | None]] = {
    "disturbed": None,
    "merging": None,
    "round smooth": "smooth_round",
    "in-between round smooth": "smooth_inbetween",
    "cigar-shaped smooth": "smooth_cigar",
    "barred spiral": "barred_spiral",
    "unbarred tight spiral": "unbarred_spiral",
    "unbarred loose spiral": "unbarred_spiral",
    "edge-on without bulge": "edge_on_disk",
    "edge-on with bulge": "edge_on_disk",
}
BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class Galaxy10:
    """The file; pictures are read block by block.

    answer: (n,) class from 0 to 9. label: (n,) class index among the eight, -1 for none of them.
    """

    path: Path
    answer: NDArray[np.int64]
    label: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.answer)

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Blocks of (up to 256, h, w, 3) uint8 pictures in order, to bound memory."""
        with h5py.File(self.path, "r") as file:
            for start in range(0, len(self), BLOCK):
                yield np.asarray(file["images"][start : start + BLOCK], dtype=np.uint8)


def download(folder: Path, *, url: str | None = None, digest: str | None = None) -> Galaxy10:
    """Fetch the file into `folder` and read its labels; a file from another `url` is checked against `digest` only."""
    path = fetch(url or URL, folder / FILE, digest=digest or (None if url else SHA256))
    return load(path)


def catalogue(folder: Path) -> Catalogue:
    """The downloaded set, its pictures unpacked once into PNG files, which the other commands read."""
    galaxies = load(folder / FILE)
    root = folder / "images"
    files = tuple(root / f"{row:05d}.png" for row in range(len(galaxies)))
    done = root / ".unpacked"
    if not done.exists():
        root.mkdir(parents=True, exist_ok=True)
        targets = iter(files)
        for block in galaxies.pictures():
            for picture in block:
                Image.fromarray(picture).save(next(targets), compress_level=1)
        done.touch()
    names = [f"galaxy10:{row:05d}" for row in range(len(galaxies))]
    # Galaxies of the two classes outside the eight are allowed no class and are not trained on.
    allowed = np.arange(len(CLASSES)) == galaxies.label[:, np.newaxis]
    digest = checksum(folder / FILE, "sha256")
    return Catalogue.without_votes(names, files, galaxies.label, allowed, source="galaxy10_decals", sha256=digest)


def load(path: Path) -> Galaxy10:
    """Read the labels; raises ConfigurationError for a damaged or different file."""
    try:
        with h5py.File(path, "r") as file:
            shape = file["images"].shape
            answer = np.asarray(file["ans"], dtype=np.int64)
    except (OSError, KeyError) as problem:
        raise ConfigurationError(f"{path} cannot be read as Galaxy10 DECaLS: {problem}") from problem
    if len(shape) != 4 or shape[3] != 3 or shape[0] != len(answer):  # noqa: PLR2004 - pictures of three colours
        raise ConfigurationError(f"{path} has images of shape {shape} for {len(answer)} answers")
    if len(answer) and not (answer.min() >= 0 and answer.max() < len(CLASSES_10)):
        raise ConfigurationError(f"{path} has answers from {answer.min()} to {answer.max()}, expected 0 to 9")
    index = np.array([-1 if name is None else CLASSES.index(name) for name in CLASSES_10.values()])
    return Galaxy10(path, answer, index[answer])
