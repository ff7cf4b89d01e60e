"""The photographs at hand, and which of them tune the network and which are left out.

imagenet_sample_1000: one photograph of each class; may be training pictures of the public network.
imagenette160: 200 of each of ten classes, 160 pixels on the short side; those whose name says so
are of ImageNet's validation set, which the public network never saw.

Every photograph is on one side for good, by a hash of its WordNet id (sample) or its file name
(Imagenette): adding or removing files moves no other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import ConfigurationError
from skysort.pictures.decode import InputSpec, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.image.labels import Labels
    from skysort.pictures.geometry import Filter

SAMPLE: Final = "imagenet_sample_1000"
IMAGENETTE: Final = "imagenette160"
SOURCES: Final = (SAMPLE, IMAGENETTE)
TUNING: Final = "tuning"
HELD_OUT: Final = "held_out"
VALIDATION_MARK: Final = "ILSVRC2012_val"
SIDE: Final = 224


@dataclass(frozen=True, slots=True)
class Photograph:
    """One file, its class number, its source and its side of the split."""

    path: Path
    label: int
    source: str
    part: str

    @property
    def of_validation_set(self) -> bool:
        """Whether the file name says that ImageNet's own split held it out."""
        return VALIDATION_MARK in self.path.name


def find(data: Path, labels: Labels) -> list[Photograph]:
    """Every photograph below data/image, in a fixed order; a ConfigurationError says what is missing."""
    folder = data / "image"
    index = labels.index()
    every = [
        Photograph(path, index[wordnet_id], SAMPLE, side(wordnet_id))
        for path in sorted((folder / SAMPLE).glob("*.jpg"))
        if (wordnet_id := path.name.split("_", 1)[0]) in index
    ]
    every += [
        Photograph(path, index[path.parent.name], IMAGENETTE, side(path.name))
        for path in sorted((folder / IMAGENETTE).glob("*/*.JPEG"))
        if path.parent.name in index
    ]
    if not every:
        raise ConfigurationError(
            f"there are no photographs below {folder}: expected {SAMPLE}/<wordnet id>_<name>.jpg and "
            f"{IMAGENETTE}/<wordnet id>/*.JPEG; set SKYSORT_DATA to the folder that holds image/"
        )
    return every


def side(name: str) -> str:
    """Half of all names are for tuning, half are held out."""
    return TUNING if hashlib.sha256(name.encode()).digest()[0] % 2 else HELD_OUT


def chosen(photographs: Sequence[Photograph], source: str | None = None, part: str | None = None) -> list[Photograph]:
    """Those of one source and one side; None takes all."""
    return [
        photograph
        for photograph in photographs
        if source in (None, photograph.source) and part in (None, photograph.part)
    ]


def labels_of(photographs: Sequence[Photograph]) -> NDArray[np.int64]:
    """(n,) class numbers."""
    return np.array([photograph.label for photograph in photographs], dtype=np.int64)


def spec(resize_shorter: int, with_filter: Filter = "bicubic") -> InputSpec:
    """The geometry of the model: the shorter side scaled by a filter, the middle 224 x 224 cut out."""
    return InputSpec(SIDE, SIDE, resize_shorter, 1.0, "white", with_filter)


def pixels(
    photographs: Sequence[Photograph], geometry: InputSpec, on_each: Callable[[], object] | None = None
) -> NDArray[np.uint8]:
    """(n, h, w, 3) decoded exactly as the service decodes."""
    decoded = np.empty((len(photographs), geometry.height, geometry.width, 3), dtype=np.uint8)
    for index, photograph in enumerate(photographs):
        decoded[index] = decode(photograph.path.read_bytes(), geometry)
        if on_each:
            on_each()
    return decoded


def digest(photographs: Sequence[Photograph]) -> str:
    """SHA-256 over names and contents, which the card names."""
    total = hashlib.sha256()
    for photograph in photographs:
        total.update(photograph.path.name.encode() + b"\0" + hashlib.sha256(photograph.path.read_bytes()).digest())
    return total.hexdigest()


def groups(held: Sequence[Photograph]) -> dict[str, NDArray[np.bool_]]:
    """What is reported apart: the sample, Imagenette, and of it what ImageNet itself holds out."""
    source = np.array([photograph.source for photograph in held])
    validation = np.array([photograph.of_validation_set for photograph in held])
    named = {SAMPLE: source == SAMPLE, IMAGENETTE: source == IMAGENETTE, "imagenet_validation_files": validation}
    return {name: rows for name, rows in named.items() if rows.any()}
