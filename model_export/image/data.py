"""The 1,000 ImageNet classes, the photographs, and their split into a tuning and a held-out half.

labels.csv lists class number, WordNet id and a readable name in the order of the WordNet ids, which is the order of the
ImageNet challenge since 2012 and of every public network's output. A name is the first word of the WordNet 3.0 synonym
set, as the file names of the public sample photographs have it, with the breed's or the animal's common name where the
first word alone is ambiguous ("Cardigan", "crane").

imagenet_sample_1000: one photograph of each class; may be training pictures of the public network.
imagenet_val_650: photographs of ImageNet's validation set, squares of 227 pixels, that nothing is chosen or fitted by.
imagenette160: 200 of each of ten classes, 160 pixels on the short side; those whose name says so
are of ImageNet's validation set, which the public network never saw.

Every photograph is on one side for good, by a hash of its WordNet id (sample) or its file name
(Imagenette): adding or removing files moves no other.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common import files
from skysort.errors import ConfigurationError
from skysort.pictures.decode import InputSpec, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skysort.pictures.geometry import Filter


SAMPLE: Final = "imagenet_sample_1000"
IMAGENETTE: Final = "imagenette160"
VALIDATION: Final = "imagenet_val_650"
SOURCES: Final = (SAMPLE, IMAGENETTE)
TUNING: Final = "tuning"
HELD_OUT: Final = "held_out"
VALIDATION_MARK: Final = "ILSVRC2012_val"
SIDE: Final = 224
LABELS: Final = Path(__file__).resolve().parent / "labels.csv"
CLASSES: Final = 1000
FEATURES_OUTPUT: Final = {
    "dtype": "float32",
    "shape": ["n", 960, SIDE // 32, SIDE // 32],
    "meaning": "the last map before pooling; of a picture of another size, a position for each 32 pixels",
}
# First and last class number of each run; ImageNet orders its classes by WordNet id, which keeps
# relatives together. 118 breeds: the wild relatives (wolves, dingo, dhole) come after the last.
_RUNS: Final = {"dogs": ((151, 268),), "cats": ((281, 285),), "birds": ((7, 24), (80, 100), (127, 146))}
LIBRARIES: Final = ("numpy", "torch", "onnx", "onnxruntime", "pillow")
WEIGHTS: Final = "weights.json"
TRAINING: Final = "training.json"
# The figures of each network: base (as published) and tuned.
EVALUATIONS: Final = {"base": "evaluation.json", "tuned": "evaluation_tuned.json"}
EXPORT: Final = "export.json"
VALIDATED: Final = "validation.json"
COMPARED: Final = "comparison.json"


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file, its class number, source and side of the split."""

    path: Path
    label: int
    source: str
    part: str

    @property
    def of_validation_set(self) -> bool:
        """Whether the file is of ImageNet's validation set, by its name."""
        return VALIDATION_MARK in self.path.name


def find(data: Path) -> list[Photograph]:
    """All photographs below data/image, in a fixed order; a ConfigurationError if there are none."""
    folder = data / "image"
    index = load_labels().index()
    photographs = [
        Photograph(path, index[wordnet_id], SAMPLE, side(wordnet_id))
        for path in sorted((folder / SAMPLE).glob("*.jpg"))
        if (wordnet_id := path.name.split("_", 1)[0]) in index
    ]
    photographs += [
        Photograph(path, index[path.parent.name], IMAGENETTE, side(path.name))
        for path in sorted((folder / IMAGENETTE).glob("*/*.JPEG"))
        if path.parent.name in index
    ]
    if not photographs:
        raise ConfigurationError(
            f"no photographs below {folder}: expected {SAMPLE}/<wordnet id>_<name>.jpg and "
            f"{IMAGENETTE}/<wordnet id>/*.JPEG; set SKYSORT_DATA to the folder that holds image/"
        )
    return photographs


def find_validation(data: Path) -> list[Photograph]:
    """The photographs of ImageNet's validation set, in the order of their table."""
    folder = data / "image" / VALIDATION
    try:
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
            return [
                Photograph(folder / row["file"], int(row["class_id"]), VALIDATION, HELD_OUT)
                for row in csv.DictReader(table)
            ]
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigurationError(
            f"the photographs of ImageNet's validation set cannot be found ({problem!r}); "
            f"set SKYSORT_DATA to the folder that holds image/{VALIDATION}/labels.csv"
        ) from problem


def side(name: str) -> str:
    """The side of the split by a hash of the name: half tuning, half held out."""
    return TUNING if hashlib.sha256(name.encode()).digest()[0] % 2 else HELD_OUT


def select(photographs: Sequence[Photograph], source: str | None = None, part: str | None = None) -> list[Photograph]:
    """Select photographs by source and side; None selects all."""
    return [
        photograph
        for photograph in photographs
        if source in (None, photograph.source) and part in (None, photograph.part)
    ]


def labels_of(photographs: Sequence[Photograph]) -> NDArray[np.int64]:
    """(n,) class numbers."""
    return np.array([photograph.label for photograph in photographs], dtype=np.int64)


def spec(resize_shorter: int, with_filter: Filter = "bicubic") -> InputSpec:
    """Input geometry: the shorter side scaled with a filter, then a central crop of 224 x 224 pixels."""
    return InputSpec(SIDE, SIDE, resize_shorter, 1.0, "white", with_filter)


def pixels(
    photographs: Sequence[Photograph], geometry: InputSpec, on_each: Callable[[], object] | None = None
) -> NDArray[np.uint8]:
    """(n, h, w, 3) pixels, decoded as in the service."""
    decoded = np.empty((len(photographs), geometry.height, geometry.width, 3), dtype=np.uint8)
    for index, photograph in enumerate(photographs):
        decoded[index] = decode(photograph.path.read_bytes(), geometry)
        if on_each:
            on_each()
    return decoded


def digest(photographs: Sequence[Photograph]) -> str:
    """SHA-256 over names and contents, for the card."""
    total = hashlib.sha256()
    for photograph in photographs:
        total.update(photograph.path.name.encode() + b"\0" + hashlib.sha256(photograph.path.read_bytes()).digest())
    return total.hexdigest()


def groups(photographs: Sequence[Photograph]) -> dict[str, NDArray[np.bool_]]:
    """Masks of the groups with separate scores: the sample, Imagenette, and its ImageNet validation files."""
    source = np.array([photograph.source for photograph in photographs])
    validation = np.array([photograph.of_validation_set for photograph in photographs])
    named = {SAMPLE: source == SAMPLE, IMAGENETTE: source == IMAGENETTE, "imagenet_validation_files": validation}
    return {name: rows for name, rows in named.items() if rows.any()}


@dataclass(frozen=True, slots=True)
class Labels:
    """Names and WordNet ids by class number, 1,000 of each, without duplicates."""

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


def load_labels(path: Path = LABELS) -> Labels:
    """Read the table of classes; raises ConfigurationError if it is invalid."""
    try:
        with path.open(encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
        numbers = [int(row["class"]) for row in rows]
        labels = Labels(tuple(row["name"] for row in rows), tuple(row["wordnet_id"] for row in rows))
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigurationError(f"the table of classes {path} cannot be read: {problem!r}") from problem
    if numbers != list(range(CLASSES)):
        raise ConfigurationError(f"{path} must number {CLASSES} classes from 0 (got {len(rows)} rows)")
    if list(labels.wordnet_ids) != sorted(set(labels.wordnet_ids)):
        raise ConfigurationError(f"{path} must list each WordNet id once, in order")
    if len({name.casefold() for name in labels.names}) != CLASSES:
        raise ConfigurationError(f"{path} gives two classes the same name")
    return labels


@dataclass(frozen=True)
class Workspace(files.Workspace):
    """The folders of a command; build: networks, downloads."""

    model = "image"

    def network(self, name: str) -> Path:
        """Path of a network: base (public weights) or tuned."""
        return self.build / f"{name}.pt"
