"""The two shipped networks as one extractor of features: the same code in training and serving.

A network's last map has 960 channels over a grid of positions. Pooled over the positions and averaged over views of the
picture, it is a block of features; a recipe says which blocks are joined, and which views are taken.

The image network was trained on photographs that had to be made smaller. A small picture has to be enlarged, which
leaves it blurred, its outlines far apart; so there is a smaller input for it, in which it is sharpened again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import Image, ImageFilter

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
    from skysort.pictures.geometry import InputSpec

GALAXY: Final = "galaxy"
IMAGE: Final = "image"
NETWORKS: Final = (GALAXY, IMAGE)
_PROJECTION: Final = "projection"  # its name in the graph
_TURNS: Final = 4
# The galaxy network's graph takes the quarter turns by itself.
GRAPH_TURNS: Final = _TURNS


@dataclass(frozen=True, slots=True)
class Input:
    """What a network is shown of a picture: its own input, or a square of another side, in pixels."""

    network: str
    side: int | None = None

    def spec(self, own: InputSpec) -> InputSpec:
        """How to decode a picture for it; own: for the network's own input."""
        if self.side is None:
            return own
        scale = self.side / own.height
        shorter = None if own.resize_shorter is None else round(own.resize_shorter * scale)
        return replace(own, height=self.side, width=self.side, resize_shorter=shorter)

    def shown(self, picture: Picture) -> Picture:
        """A picture decoded for it, as the network is shown it."""
        if self.side is None:
            return picture
        enlarged = self.side / min(picture.width, picture.height)
        return replace(picture, pixels=sharpened(picture.pixels, enlarged)) if enlarged > 1 else picture


# By name: the networks' own, and what the image network may be shown of small pictures.
SIDES: Final = (160,)
INPUTS: Final[Mapping[str, Input]] = {network: Input(network) for network in NETWORKS} | {
    f"{IMAGE}{side}": Input(IMAGE, side) for side in SIDES
}
SMALL_INPUTS: Final = tuple(name for name, shown in INPUTS.items() if shown.side is not None)
# Of an unsharp mask: the radius of its blur, in pixels of the picture before it was enlarged, and its strength in per
# cent. Chosen by cross-validation, on the training part of the vehicles and on photographs scaled to 32 pixels.
_BLUR: Final = 0.25
_STRENGTH: Final = 700


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
    """Features of one input of a network.

    size: their number. pool: how they come from its maps. locate: of one view's map, (channels, h, w), and the weights
    of the features, the (h, w) map whose mean is the weighted sum of the features; for an embedding, the weights that
    its projection makes of them (see skysort.custom.evidence). embedded: whether it is an embedding.
    """

    input: str
    size: int
    pool: Callable[[Maps], NDArray[np.float32]]
    locate: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
    embedded: bool = False

    @property
    def network(self) -> str:
        """The network's name."""
        return INPUTS[self.input].network


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
    f"{shown}.{name}": Block(shown, _CHANNELS, pool, locate)
    for shown in INPUTS
    for name, pool, locate in (
        ("mean", _mean, _locate_mean),
        ("deviation", _deviation, _locate_deviation),
        ("largest", _largest, _locate_largest),
    )
} | {
    f"{name}.embedding": Block(name, 1280, _embedding, _locate_mean, embedded=True)
    for name, shown in INPUTS.items()
    if shown.network == IMAGE
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """The blocks that make a feature vector, in their order, and the views of the picture."""

    blocks: tuple[str, ...]
    views: Views = Views.ONE

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that it needs."""
        return tuple(dict.fromkeys(BLOCKS[name].input for name in self.blocks))

    @property
    def size(self) -> int:
        """The number of features."""
        return sum(BLOCKS[name].size for name in self.blocks)


@dataclass(frozen=True, slots=True)
class CustomPicture:
    """A picture as it is shown to the networks, by the input's name."""

    inputs: Mapping[str, Picture]

    @property
    def mirrored(self) -> CustomPicture:
        """Its mirror image."""
        return CustomPicture(
            {name: replace(seen, pixels=shown(seen.pixels, 0, mirrored=True)) for name, seen in self.inputs.items()}
        )

    @property
    def warnings(self) -> tuple[InputWarning, ...]:
        """What was done to the picture before it was classified, each once."""
        return tuple(dict.fromkeys(remark for picture in self.inputs.values() for remark in picture.warnings))


class Networks:
    """The networks, loaded; threads may share them."""

    def __init__(self, models: Mapping[str, PictureModel], image_file: Path) -> None:
        self.models = models
        self.specs = {name: shown.spec(models[shown.network].spec) for name, shown in INPUTS.items()}
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
            If one is missing, damaged, without the output `features`, or not the one that its folder is for, or the
            image network is for one size alone.
        """
        models = {}
        for name, folder in ((GALAXY, galaxy_folder), (IMAGE, image_folder)):
            model = PictureModel.load(folder, threads, any_size=True)
            if model.card.name != name:
                raise ArtefactError(f"{folder} has the model {model.card.name}, not {name}")
            if FEATURES not in model.outputs:
                raise ArtefactError(f"the {name} model in {folder} has no output {FEATURES}")
            models[name] = model
        if not models[IMAGE].any_size:
            raise ArtefactError(f"the {IMAGE} model in {image_folder} takes pictures of one size alone")
        return cls(models, image_folder / models[IMAGE].card.document["file"])

    @property
    def sha256(self) -> Mapping[str, str]:
        """The hash of each network's file: a head fits only the networks that it was trained on."""
        return {name: model.card.document["sha256"] for name, model in self.models.items()}

    @cached_property
    def projection(self) -> NDArray[np.float32]:
        """(960, 1280): the image network's embedding is its mean times this, plus biases, where that is positive."""
        return onnx_weights.weights(read_artefact(self._image_file, self.sha256[IMAGE]), _PROJECTION)

    def read(self, content: bytes, budget: Budget | None = None, inputs: Sequence[str] = NETWORKS) -> CustomPicture:
        """Decode a picture once, for some of the inputs; raises as `skysort.pictures.decode.read_each` does."""
        decoded = read_each(content, [self.specs[name] for name in inputs], budget)
        return CustomPicture({name: INPUTS[name].shown(each) for name, each in zip(inputs, decoded, strict=True)})

    def maps(
        self, picture: CustomPicture, inputs: Iterable[str] = NETWORKS, views: Views = Views.ONE
    ) -> dict[str, Maps]:
        """Run the networks over the views of a picture in some of the inputs."""
        return {name: self._maps(name, picture.inputs[name].pixels, views) for name in inputs}

    def features(self, picture: CustomPicture, recipe: Recipe) -> NDArray[np.float32]:
        """The feature vector of a picture, (recipe.size,) float32."""
        return joined(self.maps(picture, recipe.inputs, recipe.views), recipe.blocks)

    def _maps(self, name: str, pixels: NDArray[np.uint8], views: Views) -> Maps:
        seen = np.stack([shown(pixels, turn, mirrored=mirrored) for turn, mirrored in views.turns(name)])
        return Maps(*self.models[INPUTS[name].network].run(seen, [FEATURES, EMBEDDING]))


def joined(maps: Mapping[str, Maps], blocks: Sequence[str]) -> NDArray[np.float32]:
    """Blocks of features of one picture, one after another."""
    return np.concatenate([BLOCKS[name].pool(maps[BLOCKS[name].input]) for name in blocks])


def sharpened(pixels: NDArray[np.uint8], enlarged: float) -> NDArray[np.uint8]:
    """An enlarged picture, (height, width, 3), with less of the blur that the enlarging left; enlarged: how often."""
    mask = ImageFilter.UnsharpMask(_BLUR * enlarged, _STRENGTH, 0)
    return np.array(Image.fromarray(pixels).filter(mask))


def shown(pixels: NDArray[np.uint8], turn: int, *, mirrored: bool) -> NDArray[np.uint8]:
    """A view of a picture, (height, width, 3): its mirror image or itself, then turned by quarters."""
    straight = pixels[:, ::-1] if mirrored else pixels
    return np.rot90(straight, turn) if turn else straight
