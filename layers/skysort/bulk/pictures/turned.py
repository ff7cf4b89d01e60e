"""The galaxy network without the nodes that scale and turn its picture: numpy does that in half of their time.

The rest of the graph is loaded as a graph of its own, whose input is the batch of turned pictures. It is used only if
its probabilities and embeddings of two pictures are those of the whole graph to the last bit.

Field numbers are those of onnx.proto3: ModelProto.graph, GraphProto's node, input and value_info, NodeProto, TypeProto.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.custom.onnx_weights import fields
from skysort.errors import ArtefactError
from skysort.model_card import read_artefact
from skysort.pictures.classify import sample_picture
from skysort.pictures.decode import decode
from skysort.pictures.model import ASKED_FOR, EMBEDDING, PROBABILITIES, PictureModel, new_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

_log: Final = logging.getLogger(__name__)
_GRAPH: Final = 7
_NODE, _INPUT, _DESCRIBED = 1, 11, 13
_NODE_INPUT, _OPERATOR, _FIRST = 1, 4, b"Conv"
_FLOAT: Final = 1
_TURNS: Final = 4
_PLAIN: Final = frozenset({PROBABILITIES, EMBEDDING})
# Pixels from -1 to 1.
_HALF, _ONE = np.float32(127.5), np.float32(1)
_CONTINUES, _BITS, _BYTES = 0x80, 7, 2


class TurnedModel(PictureModel):
    """A picture model that turns pictures by itself where probabilities and embeddings alone are asked for."""

    _bare: onnxruntime.InferenceSession | None = None
    _entry: str = ""

    @classmethod
    def load(cls, folder: Path, threads: int = 1, *, any_size: bool = False) -> Self:
        """Load a model folder, as PictureModel.load does; a graph of another kind is run as it is."""
        model = super().load(folder, threads, any_size=any_size)
        document = model.card.document
        model.adopt(read_artefact(folder / document["file"], document["sha256"]), threads)
        return model

    @property
    def is_turned(self) -> bool:
        """Whether the graph is of the kind."""
        return self._bare is not None

    def adopt(self, content: bytes, threads: int) -> None:
        """Use the rest of the graph from now on, if it answers as the whole does. content: its file."""
        if self._chunk != 1:  # the batch is free for pictures, not taken by their turns
            return
        sample = decode(sample_picture(), self.spec)
        both = np.stack([sample, np.random.default_rng(0).integers(0, 256, sample.shape, np.uint8)])
        whole = self.run(both, sorted(_PLAIN))
        try:
            rest, self._entry = without_turns(content, self.spec.height)
            self._bare = new_session(rest, threads, {})
            is_same = all(map(np.array_equal, self.run(both, sorted(_PLAIN)), whole))
        except Exception as error:
            _log.info("the graph of %s is run as it is: %s", self.card.name, error)
            is_same = False
        if not is_same:
            self._bare = None

    def run(
        self,
        pixels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        outputs: Sequence[str],
        feed: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> list[NDArray[np.float32]]:
        """Outputs of the graph by name; see PictureModel.run."""
        if self._bare is None or feed or not _PLAIN.issuperset(outputs):
            return super().run(pixels, outputs, feed)
        # One array for all of them: the memory of a new one would be asked of the system each time.
        turns = np.empty((_TURNS, 3, *pixels[0].shape[:2]), np.float32)
        found = []
        for picture in pixels:
            turn(picture, turns)
            found.append(self._bare.run(outputs, {self._entry: turns}, ASKED_FOR))
        return [np.concatenate(column) for column in zip(*found, strict=True)]


def turn(picture: NDArray[np.uint8], turns: NDArray[np.float32]) -> None:
    """Write the quarter turns of a picture, (side, side, 3), into (4, 3, side, side), scaled as the graph does it."""
    scaled = np.divide(picture, _HALF, dtype=np.float32)
    scaled -= _ONE
    turns[0] = scaled.transpose(2, 0, 1)
    turns[1] = turns[0][:, :, ::-1].transpose(0, 2, 1)
    turns[2:] = turns[:2, :, ::-1, ::-1]


def without_turns(content: bytes, side: int) -> tuple[bytes, str]:
    """A graph from its first convolution on.

    Parameters
    ----------
    content
        The file.
    side
        Of the pictures.

    Returns
    -------
    The file, and the name of its input.

    Raises
    ------
    ArtefactError
        If there is no convolution; ValueError or IndexError if the file is damaged.
    """
    out, entry = b"", ""
    for number, value, own in fields(memoryview(content)):
        if number == _GRAPH and isinstance(value, memoryview):
            graph, entry = _cut(value, side)
            out += _field(_GRAPH, graph)
        else:
            out += own
    return out, entry


def _cut(graph: memoryview, side: int) -> tuple[bytes, str]:
    kept: list[bytes] = []
    entry = ""
    for number, value, own in fields(graph):
        if number == _NODE and not entry and isinstance(value, memoryview):
            entry = _first_input(value)
        if number in {_INPUT, _DESCRIBED} or (number == _NODE and not entry):
            continue
        kept.append(bytes(own))
    if not entry:
        raise ArtefactError("the network has no convolution")
    dimensions = b"".join(_field(1, _number(1, size)) for size in (_TURNS, 3, side, side))
    kind = _field(1, _number(1, _FLOAT) + _field(2, dimensions))
    return b"".join(kept) + _field(_INPUT, _field(1, entry.encode()) + _field(2, kind)), entry


def _first_input(node: memoryview) -> str:
    """The name of a convolution's first input; empty for another node."""
    found = [(number, bytes(value)) for number, value, _ in fields(node) if isinstance(value, memoryview)]
    if (_OPERATOR, _FIRST) not in found:
        return ""
    return next(value for number, value in found if number == _NODE_INPUT).decode()


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= _CONTINUES:
        out.append(value & (_CONTINUES - 1) | _CONTINUES)
        value >>= _BITS
    return bytes([*out, value])
