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

from skysort.custom.networks import BLOCKS, IMAGE, Recipe, Views
from skysort.errors import InfrastructureError, InputError, NotFoundError
from skysort.limits import THUMBNAIL
from skysort.trainings.classes import Refusal, Why, copies, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.custom.networks import Networks
    from skysort.trainings.sources import Picture

# What is computed of every picture; the chooser takes what helps. One view, as one prediction has to be fast.
# Deviations and largest values of the maps brought nothing more, the embedding a point more than the mean.
RECIPE: Final = Recipe(("galaxy.mean", "image.embedding"), Views.ONE)
_JPEG_QUALITY: Final = 80
_DIGEST: Final = "S64"


@dataclass(frozen=True, slots=True)
class Features:
    """Pictures that could be read.

    rows: (n,) their places in the shard. values: (n, d) float32, as RECIPE says. digests: (n,) SHA-256 of their bytes,
    in hexadecimal. thumbnails: a JPEG of each. refused: the others. networks: the SHA-256 of each network.
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
    pictures: Sequence[Picture], content: Callable[[Picture], bytes], networks: Networks, threads: int
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

    Returns
    -------
    Features
        A picture that cannot be read is refused by name.
    """
    with ThreadPoolExecutor(threads, "features") as pool:
        found = list(pool.map(partial(_one, content=content, networks=networks), pictures))
    good = [(row, each) for row, each in enumerate(found) if isinstance(each, _Computed)]
    return Features(
        np.array([row for row, _ in good], np.int64),
        np.stack([each.values for _, each in good]) if good else np.empty((0, RECIPE.size), np.float32),
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


def _one(picture: Picture, *, content: Callable[[Picture], bytes], networks: Networks) -> _Computed | Refusal:
    try:
        body = content(picture)
        read = networks.read(body)
    except (InputError, NotFoundError) as error:
        return Refusal(picture.file, error.detail, Why.UNREADABLE, picture.label)
    digest = hashlib.sha256(body).hexdigest()
    return _Computed(networks.features(read, RECIPE), digest, thumbnail(read.inputs[IMAGE].pixels))


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
    values: (n, d) features. refused: what was left out while they were computed. networks: the SHA-256 of each network.
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
        values = np.concatenate([features.values for _, features in shards])
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
        """(n, size) features by block, in the order of RECIPE."""
        ends = np.cumsum([BLOCKS[name].size for name in RECIPE.blocks])
        return dict(zip(RECIPE.blocks, np.split(self.values, ends[:-1], axis=1), strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """The number of pictures of each class."""
        counted = np.bincount(self.labels, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counted, strict=True)}
