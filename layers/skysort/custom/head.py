"""The head of a trained picture model: what turns features of the shipped networks into an answer, in one small file.

``head.npz`` has the weights in half precision, calibration, and a sketch of the training examples
(skysort.learning.sketch); names are JSON. Features come in the order of `blocks`; how each is computed is in
skysort.custom.networks.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy

from skysort.errors import ArtefactError
from skysort.learning.sketch import THRESHOLD, Sketch
from skysort.limits import HEAD_FILE_BYTES
from skysort.probability import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.learning.fitting import Fit

FORMAT: Final = 1
LARGEST_UNPACKED: Final = 4 * HEAD_FILE_BYTES
MOST_REFERENCES: Final = 1_000
NEAREST: Final = 3
NAMES: Final = "names"
# Name, type and number of dimensions of every array.
_ARRAYS: Final[Mapping[str, tuple[str, int]]] = {
    "weights": ("<f2", 2),
    "scale": ("<f4", 1),
    "bias": ("<f4", 1),
    "thresholds": ("<f4", 1),
    "mean": ("<f4", 1),
    "weight": ("<f4", 1),
    "axes": ("|i1", 2),
    "step": ("<f4", 1),
    "prototypes": ("|i1", 2),
    "reference": ("<f4", 1),
    NAMES: ("|u1", 1),
}

# What zipfile, numpy's header and JSON raise on hostile bytes.
_DAMAGE: Final = (
    AttributeError, EOFError, IndexError, KeyError, OverflowError, RuntimeError, SyntaxError, TypeError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Neighbour(NamedTuple):
    """A training picture that looks like the one asked about. row: of the head's examples."""

    row: int
    file: str
    label: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The head's output for n pictures.

    probabilities: (n, classes), calibrated. members: (n, classes), the prediction sets; empty where no class reaches
    its threshold. typicality: (n,) p-values; in_domain: whether they reach the threshold. similarities: (n, examples).
    """

    probabilities: NDArray[np.float32]
    members: NDArray[np.bool_]
    typicality: NDArray[np.float64]
    in_domain: NDArray[np.bool_]
    similarities: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head with its calibration and its training examples in short.

    labels: of the classes. blocks: name and size of the features, in their order. weights: (classes, d), scores =
    features @ weights.T + bias. examples: (file, label) of each prototype of the sketch.
    """

    labels: tuple[str, ...]
    blocks: tuple[tuple[str, int], ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    thresholds: NDArray[np.float32]
    sketch: Sketch
    examples: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, fit: Fit, labels: Sequence[str], files: Sequence[str], classes: NDArray[np.int64]) -> Head:
        """The head of a fit.

        Parameters
        ----------
        fit
            From skysort.learning.fitting.
        labels
            Names of the classes.
        files
            (n) names of the training pictures.
        classes
            (n,) their classes.

        Returns
        -------
        Head
            As it will be read back: what is measured is what is stored.
        """
        head = cls(
            tuple(str(label) for label in labels),
            fit.blocks,
            fit.weights.astype(np.float32),
            fit.bias.astype(np.float32),
            fit.calibration.temperature,
            fit.calibration.thresholds.astype(np.float32),
            fit.sketch,
            tuple((str(files[row]), str(labels[classes[row]])) for row in fit.kept),
        )
        return cls.load(head.save())

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(size for _, size in self.blocks)

    def block(self, name: str) -> NDArray[np.float32]:
        """(classes, size) weights of one block of features: for class activation maps."""
        start = 0
        for block, size in self.blocks:
            if block == name:
                return self.weights[:, start : start + size]
            start += size
        raise KeyError(name)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) features -> (n, classes), uncalibrated."""
        return features @ self.weights.T + self.bias

    def judge(self, features: NDArray[np.float32]) -> Judgement:
        """Everything that an answer says of (n, d) features."""
        probabilities = softmax(self.scores(features), self.temperature)
        similarities, distance = self.sketch.place(features)
        typicality = self.sketch.typicality(distance)
        members = probabilities >= self.thresholds
        return Judgement(probabilities, members, typicality, typicality >= THRESHOLD, similarities)

    def nearest(self, similarities: NDArray[np.float32], count: int = NEAREST) -> list[Neighbour]:
        """The training pictures most alike, by one picture's (examples,) similarities."""
        order = np.argsort(-similarities, kind="stable")[:count]
        found = [(int(row), *self.examples[row]) for row in order]
        return [Neighbour(row, file, label, round(float(similarities[row]), 4)) for row, file, label in found]

    def save(self) -> bytes:
        """The file's bytes: the same for the same head."""
        scale = np.maximum(np.abs(self.weights).max(axis=1), np.finfo(np.float32).tiny).astype(np.float32)
        names = {
            "format": FORMAT,
            "labels": list(self.labels),
            "blocks": [list(block) for block in self.blocks],
            "temperature": self.temperature,
            "examples": [[file, self.labels.index(label)] for file, label in self.examples],
        }
        encoded = json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode()
        arrays = {
            "weights": (self.weights / scale[:, np.newaxis]).astype("<f2"),
            "scale": scale,
            "bias": self.bias,
            "thresholds": self.thresholds,
            "mean": self.sketch.mean,
            "weight": _by_block(self.sketch.weight, self.blocks),
            "axes": self.sketch.axes,
            "step": self.sketch.step,
            "prototypes": self.sketch.prototypes,
            "reference": _thinned(self.sketch.reference),
            NAMES: np.frombuffer(encoded, np.uint8),
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, values in arrays.items():
                member = io.BytesIO()
                npy.write_array(member, np.ascontiguousarray(values), version=(1, 0), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
        return out.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Head:
        """Read `save`'s bytes.

        Parameters
        ----------
        content
            The file, of which nothing is taken for granted.

        Returns
        -------
        Head
            With weights in single precision.

        Raises
        ------
        ArtefactError
            If the bytes are not those of a head.
        """
        try:
            arrays = _arrays(content)
            names = json.loads(arrays[NAMES].tobytes())
            head = cls._read(arrays, names)
        except _DAMAGE as error:
            raise ArtefactError(f"the head of this model is damaged: {error!s:.200}") from error
        return head

    @classmethod
    def _read(cls, arrays: Mapping[str, NDArray[Any]], names: Mapping[str, Any]) -> Head:
        if names["format"] != FORMAT:
            raise ValueError(f"its format is {names['format']!r:.20}, not {FORMAT}")
        labels = tuple(str(label) for label in names["labels"])
        blocks = tuple((str(name), int(size)) for name, size in names["blocks"])
        examples = tuple((str(file), labels[int(label)]) for file, label in names["examples"])
        temperature = float(names["temperature"])
        classes, width = len(labels), sum(size for _, size in blocks)
        count = arrays["axes"].shape[1]
        shapes = {
            "weights": (classes, width),
            "scale": (classes,),
            "bias": (classes,),
            "thresholds": (classes,),
            "mean": (width,),
            "weight": (len(blocks),),
            "axes": (width, count),
            "step": (count,),
            "prototypes": (len(examples), count),
        }
        wrong = [name for name, shape in shapes.items() if arrays[name].shape != shape]
        finite = all(np.isfinite(values).all() for values in arrays.values() if values.dtype.kind == "f")
        sane = classes > 1 and examples and count and len(arrays["reference"]) and min(size for _, size in blocks) > 0
        if wrong or not finite or not sane or not 0 < temperature < float("inf"):
            raise ValueError(f"its arrays do not fit each other: {', '.join(wrong) or 'values'}")
        weights = arrays["weights"].astype(np.float32) * arrays["scale"][:, np.newaxis]
        weight = np.repeat(arrays["weight"], [size for _, size in blocks])
        reference = np.sort(arrays["reference"])
        sketch = Sketch(arrays["mean"], weight, arrays["axes"], arrays["step"], arrays["prototypes"], reference)
        return cls(labels, blocks, weights, arrays["bias"], temperature, arrays["thresholds"], sketch, examples)


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The file's arrays, of the expected names, types and dimensions; sizes are known before anything is unpacked."""
    if len(content) > HEAD_FILE_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, more than {HEAD_FILE_BYTES:,}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if sum(member.file_size for member in members.values()) > LARGEST_UNPACKED:
            raise ValueError(f"it unpacks to more than {LARGEST_UNPACKED:,} bytes")
        found = {}
        for name, (kind, dimensions) in _ARRAYS.items():
            with archive.open(members[f"{name}.npy"]) as opened:
                found[name] = _array(opened.read(LARGEST_UNPACKED), name, kind, dimensions)
    return found


def _array(content: bytes, name: str, kind: str, dimensions: int) -> NDArray[Any]:
    reader = io.BytesIO(content)
    if npy.read_magic(reader) != (1, 0):
        raise ValueError(f"{name} is no array of version 1")
    shape, by_columns, dtype = npy.read_array_header_1_0(reader)
    values = content[reader.tell() :]
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.str != kind or len(shape) != dimensions or by_columns or size != len(values):
        raise ValueError(f"{name} is no array of {kind} with {dimensions} dimensions")
    return np.frombuffer(values, dtype).reshape(shape)


def _by_block(weight: NDArray[np.float32], blocks: Sequence[tuple[str, int]]) -> NDArray[np.float32]:
    """One weight a block, as in a space: its features share it."""
    starts = np.cumsum([0, *(size for _, size in blocks)])[:-1]
    return np.asarray(weight[starts], dtype=np.float32)


def _thinned(reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most MOST_REFERENCES of the sorted values, evenly spaced by rank, the largest among them."""
    if len(reference) <= MOST_REFERENCES:
        return reference
    return reference[np.linspace(0, len(reference) - 1, MOST_REFERENCES).round().astype(np.intp)]
