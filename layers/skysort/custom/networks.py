"""The two shipped networks as one extractor of features: the same code in training and serving.

A network's last map has 960 channels over a grid of positions. Pooled over the positions and averaged over views of the
picture, it is a block of features; a recipe says which blocks are joined, and which views are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.custom import onnx_weights
from skysort.errors import ArtefactError
from skysort.model_card import read_artefact
from skysort.pictures.decode import read_each
from skysort.pictures.model import EMBEDDING, FEATURES, PictureModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning
    from skysort.pictures.decode import Picture
    from skysort.pictures.formats.prices import Budget

GALAXY: Final = "galaxy"
IMAGE: Final = "image"
NETWORKS: Final = (GALAXY, IMAGE)
IMAGE_EMBEDDING: Final = f"{IMAGE}.embedding"
_PROJECTION: Final = "projection"  # its name in the graph
_TURNS: Final = 4
# The galaxy network's graph takes the quarter turns by itself.
GRAPH_TURNS: Final = _TURNS


class Views(StrEnum):
    """The views of a picture that features are averaged over. The galaxy network adds quarter turns of its own."""

    ONE = "one"
    MIRRORED = "mirrored"  # the picture and its mirror image
    TURNED = "turned"  # the four quarter turns
    ALL = "all"  # the four quarter turns of the picture and of its mirror image

    def turns(self, network: str) -> tuple[tuple[int, bool], ...]:
        """The quarter turns that a network is shown, each of the picture or of its mirror image."""
        turns = range(_TURNS) if self in {Views.TURNED, Views.ALL} and network != GALAXY else range(1)
        mirrored = (False, True) if self in {Views.MIRRORED, Views.ALL} else (False,)
        return tuple((turn, mirror) for mirror in mirrored for turn in turns)


@dataclass(frozen=True, slots=True)
class Maps:
    """What a network gives for the views of one picture.

    features: (views, 960, h, w), the last map before pooling, as the network sees each view. embedding: (views, d).
    """

    features: NDArray[np.float32]
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """Features of one network.

    size: their number. pool: how they come from its maps. locate: of one view's map, (channels, h, w), and the weights
    of the features, the (h, w) map whose mean is the weighted sum of the features; for an embedding, the weights that
    its projection makes of them (see skysort.custom.evidence).
    """

    network: str
    size: int
    pool: Callable[[Maps], NDArray[np.float32]]
    locate: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def _mean(maps: Maps) -> NDArray[np.float32]:
    pooled: NDArray[np.float32] = maps.features.mean(axis=(0, 2, 3), dtype=np.float32)
    return pooled


def _locate_mean(features: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tensordot(weight, features, axes=1)


def _deviation(maps: Maps) -> NDArray[np.float32]:
    pooled: NDArray[np.float32] = maps.features.std(axis=(2, 3), dtype=np.float32).mean(axis=0, dtype=np.float32)
    return pooled


def _locate_deviation(features: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = (features - features.mean(axis=(1, 2), keepdims=True)) ** 2
    deviation = np.sqrt(squares.mean(axis=(1, 2)))
    return np.tensordot(weight / np.maximum(deviation, np.finfo(np.float32).tiny), squares, axes=1)


def _largest(maps: Maps) -> NDArray[np.float32]:
    pooled: NDArray[np.float32] = maps.features.max(axis=(2, 3)).mean(axis=0, dtype=np.float32)
    return pooled


def _locate_largest(features: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = features.reshape(len(features), -1)
    place = flat.argmax(axis=1)
    sums = np.bincount(place, weight * flat[np.arange(len(flat)), place], minlength=flat.shape[1])
    return (sums * flat.shape[1]).astype(np.float32).reshape(features.shape[1:])


def _embedding(maps: Maps) -> NDArray[np.float32]:
    pooled: NDArray[np.float32] = maps.embedding.mean(axis=0, dtype=np.float32)
    return pooled


_CHANNELS: Final = 960
# By name.
BLOCKS: Final[Mapping[str, Block]] = {
    f"{network}.{name}": Block(network, _CHANNELS, pool, locate)
    for network in NETWORKS
    for name, pool, locate in (
        ("mean", _mean, _locate_mean),
        ("deviation", _deviation, _locate_deviation),
        ("largest", _largest, _locate_largest),
    )
} | {IMAGE_EMBEDDING: Block(IMAGE, 1280, _embedding, _locate_mean)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """The blocks that make a feature vector, in their order, and the views of the picture."""

    blocks: tuple[str, ...]
    views: Views = Views.ONE

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that it needs."""
        return tuple(dict.fromkeys(BLOCKS[name].network for name in self.blocks))

    @property
    def size(self) -> int:
        """The number of features."""
        return sum(BLOCKS[name].size for name in self.blocks)


@dataclass(frozen=True, slots=True)
class CustomPicture:
    """A picture decoded for each network, by the network's name."""

    inputs: Mapping[str, Picture]

    @property
    def warnings(self) -> tuple[InputWarning, ...]:
        """What was done to the picture before it was classified, each once."""
        return tuple(dict.fromkeys(remark for picture in self.inputs.values() for remark in picture.warnings))


class Networks:
    """The networks, loaded; threads may share them."""

    def __init__(self, models: Mapping[str, PictureModel], image_file: Path) -> None:
        self.models = models
        self._image_file = image_file

    @classmethod
    def load(cls, galaxy_folder: Path, image_folder: Path, threads: int = 1) -> Self:
        """Load both networks.

        Parameters
        ----------
        galaxy_folder, image_folder
            Their model folders.
        threads
            Cores for a prediction.

        Returns
        -------
        The networks.

        Raises
        ------
        ArtefactError
            If one is missing, damaged, without the output `features`, or not the one that its folder is for.
        """
        models = {}
        for name, folder in ((GALAXY, galaxy_folder), (IMAGE, image_folder)):
            model = PictureModel.load(folder, threads)
            if model.card.name != name:
                raise ArtefactError(f"{folder} has the model {model.card.name}, not {name}")
            if FEATURES not in model.outputs:
                raise ArtefactError(f"the {name} model in {folder} has no output {FEATURES}")
            models[name] = model
        return cls(models, image_folder / models[IMAGE].card.document["file"])

    @property
    def sha256(self) -> Mapping[str, str]:
        """The hash of each network's file: a head fits only the networks that it was trained on."""
        return {name: model.card.document["sha256"] for name, model in self.models.items()}

    @cached_property
    def projection(self) -> NDArray[np.float32]:
        """(960, 1280): the image network's embedding is its mean times this, plus biases, where that is positive."""
        return onnx_weights.weights(read_artefact(self._image_file, self.sha256[IMAGE]), _PROJECTION)

    def read(self, content: bytes, budget: Budget | None = None) -> CustomPicture:
        """Decode a picture once, for both networks; raises as `skysort.pictures.decode.read_each` does."""
        specs = [model.spec for model in self.models.values()]
        return CustomPicture(dict(zip(self.models, read_each(content, specs, budget), strict=True)))

    def maps(
        self, picture: CustomPicture, networks: Iterable[str] = NETWORKS, views: Views = Views.ONE
    ) -> dict[str, Maps]:
        """Run some of the networks over the views of a picture."""
        return {name: self._maps(name, picture.inputs[name].pixels, views) for name in networks}

    def features(self, picture: CustomPicture, recipe: Recipe) -> NDArray[np.float32]:
        """The feature vector of a picture, (recipe.size,) float32."""
        return joined(self.maps(picture, recipe.networks, recipe.views), recipe.blocks)

    def _maps(self, name: str, pixels: NDArray[np.uint8], views: Views) -> Maps:
        seen = np.stack([shown(pixels, turn, mirrored=mirrored) for turn, mirrored in views.turns(name)])
        return Maps(*self.models[name].run(seen, [FEATURES, EMBEDDING]))


def joined(maps: Mapping[str, Maps], blocks: Sequence[str]) -> NDArray[np.float32]:
    """Blocks of features of one picture, one after another."""
    return np.concatenate([BLOCKS[name].pool(maps[BLOCKS[name].network]) for name in blocks])


def shown(pixels: NDArray[np.uint8], turn: int, *, mirrored: bool) -> NDArray[np.uint8]:
    """A view of a picture, (height, width, 3): its mirror image or itself, then turned by quarters."""
    straight = pixels[:, ::-1] if mirrored else pixels
    return np.rot90(straight, turn) if turn else straight
