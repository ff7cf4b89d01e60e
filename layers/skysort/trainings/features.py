"""Features of a training's pictures: computed shard by shard, put together for fitting."""

from __future__ import annotations

import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import Image

from skysort.custom.networks import BLOCKS, GALAXY, IMAGE, SMALL_INPUTS, Recipe, Views
from skysort.errors import InfrastructureError, InputError, NotFoundError
from skysort.learning import chooser
from skysort.limits import THUMBNAIL, TRAINING_SMALL_SIDE
from skysort.trainings.classes import Refusal, Why, copies, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.custom.networks import CustomPicture, Networks
    from skysort.learning.space import Space
    from skysort.trainings.sources import Picture

# What is computed of every picture, and of small ones beside; the chooser takes what helps. One view, as one prediction
# has to be fast. Largest values of the maps brought nothing more, the embedding a point more than the mean.
RECIPE: Final = Recipe(("galaxy.mean", "image.embedding", "image.deviation"), Views.ONE)
SMALL_RECIPE: Final = Recipe(
    (*RECIPE.blocks, *(f"{name}.{block}" for name in SMALL_INPUTS for block in ("embedding", "deviation"))),
    RECIPE.views,
)
_JPEG_QUALITY: Final = 80
_DIGEST: Final = "S64"


@dataclass(frozen=True, slots=True)
class Features:
    """Pictures that could be read.

    rows: (n,) their places in the shard. values: (n, views, d) float32, as SMALL_RECIPE says if all are small, else
    as RECIPE does; views are the picture, and its mirror image if that was asked for. digests: (n,) SHA-256 of their
    bytes, in hexadecimal. thumbnails: a JPEG of each. refused: the others. networks: the SHA-256 of each network.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float32]
    digests: NDArray[np.bytes_]
    thumbnails: Sequence[bytes]
    refused: Sequence[Refusal]
    networks: Mapping[str, str]

    def save(self) -> bytes:
        """Serialise."""
        texts = {"refused": [asdict(each) for each in self.refused], "networks": dict(self.networks)}
        out = io.BytesIO()
        np.savez(
            out,
            rows=self.rows,
            values=self.values,
            digests=self.digests,
            sizes=np.array([len(each) for each in self.thumbnails], np.int64),
            thumbnails=np.frombuffer(b"".join(self.thumbnails), np.uint8),
            texts=np.frombuffer(json.dumps(texts).encode(), np.uint8),
        )
        return out.getvalue()

    @classmethod
    def load(cls, body: bytes) -> Self:
        """Parse the output of save."""
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            ends = np.cumsum(arrays["sizes"])
            joined = arrays["thumbnails"].tobytes()
            thumbnails = [joined[end - size : end] for end, size in zip(ends, arrays["sizes"], strict=True)]
            texts = json.loads(arrays["texts"].tobytes())
            refused, shas = refusals(texts["refused"]), texts["networks"]
            return cls(arrays["rows"], arrays["values"], arrays["digests"], thumbnails, refused, shas)


def compute(
    pictures: Sequence[Picture],
    content: Callable[[Picture], bytes],
    networks: Networks,
    threads: int,
    *,
    mirrored: bool = True,
) -> Features:
    """The features of a shard.

    Parameters
    ----------
    pictures
        Of the shard.
    content
        Fetches a picture's bytes.
    networks
        Both, each with one thread: pictures are computed side by side.
    threads
        How many at once.
    mirrored
        Whether their mirror images are wanted too.

    Returns
    -------
    Features
        A picture that cannot be read is refused by name.
    """
    with ThreadPoolExecutor(threads, "features") as pool:
        found = list(pool.map(partial(_one, content=content, networks=networks, mirrored=mirrored), pictures))
    good = [(row, each) for row, each in enumerate(found) if isinstance(each, _Computed)]
    return Features(
        np.array([row for row, _ in good], np.int64),
        together([each.values for _, each in good], 1 + mirrored),
        np.array([each.digest for _, each in good], _DIGEST),
        [each.thumbnail for _, each in good],
        [each for each in found if isinstance(each, Refusal)],
        networks.sha256,
    )


@dataclass(frozen=True, slots=True)
class _Computed:
    values: NDArray[np.float32]
    digest: str
    thumbnail: bytes


def _one(
    picture: Picture, *, content: Callable[[Picture], bytes], networks: Networks, mirrored: bool
) -> _Computed | Refusal:
    try:
        body = content(picture)
        read, values = of_picture(body, networks, mirrored=mirrored)
    except (InputError, NotFoundError) as error:
        return Refusal(picture.file, error.detail, Why.UNREADABLE, picture.label)
    digest = hashlib.sha256(body).hexdigest()
    return _Computed(values, digest, thumbnail(read.inputs[IMAGE].pixels))


def of_picture(body: bytes, networks: Networks, *, mirrored: bool = True) -> tuple[CustomPicture, NDArray[np.float32]]:
    """A picture, and its (views, d) features as in Features; raises as Networks.read does."""
    read, recipe = networks.read(body), RECIPE
    seen = read.inputs[IMAGE]
    if min(seen.width, seen.height) <= TRAINING_SMALL_SIDE:
        recipe = SMALL_RECIPE
        read = networks.read(body, inputs=recipe.inputs)
    views = (read, read.mirrored) if mirrored else (read,)
    return read, np.stack([networks.features(view, recipe) for view in views])


def together(found: Sequence[NDArray[np.float32]], views: int) -> NDArray[np.float32]:
    """(n, views, d) features of pictures, of which each has at least those of RECIPE."""
    if not found:
        return np.empty((0, views, RECIPE.size), np.float32)
    width = min(values.shape[1] for values in found)
    return np.stack([values[:, :width] for values in found])


def block_sets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The sets of blocks that are tried: with at most one input of each network, so that a prediction stays fast."""
    # Both networks without the deviations, and the deviations without the galaxy network, were never better than these
    # on the sets measured.
    sets: list[tuple[str, ...]] = [(name,) for name in names if BLOCKS[name].network == GALAXY]
    galaxy = tuple(name for (name,) in sets)
    for shown in dict.fromkeys(BLOCKS[name].input for name in names if BLOCKS[name].network == IMAGE):
        embedding, deviation = f"{shown}.embedding", f"{shown}.deviation"
        sets += [(embedding,), (*galaxy, embedding, deviation)]
    return sets


def by_block(values: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """(n, size) features by block, in the order of the recipe that has as many as (n, d) values."""
    recipe = RECIPE if values.shape[1] == RECIPE.size else SMALL_RECIPE
    ends = np.cumsum([BLOCKS[name].size for name in recipe.blocks])
    return dict(zip(recipe.blocks, np.split(values, ends[:-1], axis=1), strict=True))


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """A small JPEG of a picture as the image network sees it, (height, width, 3)."""
    out = io.BytesIO()
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    small.save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """All pictures of a training that can be used.

    names: of the classes, sorted. labels: (n,) indices into them. files, digests, thumbnails: of each picture.
    values: (n, views, d) as in Features. refused: what was left out while they were computed. networks: the SHA-256 of
    each network.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    files: tuple[str, ...]
    digests: tuple[str, ...]
    thumbnails: tuple[bytes, ...]
    values: NDArray[np.float32]
    refused: tuple[Refusal, ...]
    networks: Mapping[str, str]

    @classmethod
    def of(cls, shards: Sequence[tuple[Sequence[Picture], Features]]) -> Self:
        """Put the shards of a training together; files that were changed since they were listed may be copies now.

        Parameters
        ----------
        shards
            The pictures of each shard, and their features.

        Returns
        -------
        TrainingSet

        Raises
        ------
        InfrastructureError
            If the networks were replaced by a deployment while features were computed.
        """
        networks = dict(shards[0][1].networks)
        if any(dict(features.networks) != networks for _, features in shards):
            raise InfrastructureError("the networks were replaced during the training; start it again")
        used = [(shard[row], features, place) for shard, features in shards for place, row in enumerate(features.rows)]
        digests = [features.digests[place].decode() for _, features, place in used]
        out = copies((picture.file, picture.label, own) for (picture, _, _), own in zip(used, digests, strict=True))
        kept = [place for place, (picture, _, _) in enumerate(used) if picture.file not in out]
        pictures = [used[place][0] for place in kept]
        names = tuple(sorted({picture.label for picture in pictures}))
        index = {name: number for number, name in enumerate(names)}
        values = together([view for _, features in shards for view in features.values], shards[0][1].values.shape[1])
        return cls(
            names,
            np.array([index[picture.label] for picture in pictures], np.int64),
            tuple(picture.file for picture in pictures),
            tuple(digests[place] for place in kept),
            tuple(features.thumbnails[place] for _, features, place in (used[number] for number in kept)),
            values[kept],
            (*(each for _, features in shards for each in features.refused), *out.values()),
            networks,
        )

    @property
    def blocks(self) -> Mapping[str, NDArray[np.float32]]:
        """(n, size) features by block."""
        return by_block(self.values[:, 0])

    def spaces(self) -> dict[tuple[str, ...], Space]:
        """The space of each set of blocks that is tried."""
        mirrored = by_block(self.values[:, 1]) if self.values.shape[1] > 1 else None
        return chooser.spaces(self.blocks, mirrored, block_sets(list(self.blocks)))

    @property
    def counts(self) -> dict[str, int]:
        """The number of pictures of each class."""
        counted = np.bincount(self.labels, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counted, strict=True)}
