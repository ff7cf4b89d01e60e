"""A trained picture model: a head on the features of the shipped networks, and the card that describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.cache import AnswerCache
from skysort.custom.evidence import METHOD, Evidence
from skysort.custom.head import Head
from skysort.custom.networks import BLOCKS, Views, joined
from skysort.errors import ArtefactError, SkysortError
from skysort.input_warnings import documents
from skysort.observability import logger
from skysort.pictures.answering import ranked
from skysort.pictures.explanation import data_url, explanation
from skysort.prior_option import NO_SHARES
from skysort.priors import shares_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import HeatMap, ModelName, Neighbour, PictureClasses
    from skysort.custom.networks import CustomPicture, Maps, Networks
    from skysort.options import Options
    from skysort.pictures.formats.prices import Budget
    from skysort.registry.live import ModelVersion

HEAD: Final = "head.npz"
THUMBNAILS: Final = "thumbnails.bin"
# Thumbnails kept by a model; each has one to three kilobytes.
_THUMBNAILS_KEPT: Final = 200
_THUMBNAIL_BYTES: Final = 64 * 1024


class CustomModel:
    """A version of a trained picture model, loaded: a skysort.pictures.answering.Judge."""

    def __init__(self, version: ModelVersion, head: Head, networks: Networks, views: Views) -> None:
        self._version = version
        self._head = head
        self._networks = networks
        self._views = views
        self._evidence = Evidence(head, networks, views)
        self._blocks = tuple(name for name, _ in head.blocks)
        self._used = tuple(dict.fromkeys(BLOCKS[name].input for name in self._blocks))
        self._thumbnails: AnswerCache[bytes] = AnswerCache(_THUMBNAILS_KEPT)
        self.labels: Sequence[str] = head.labels
        self.subsets: Mapping[str, Sequence[str]] = {}
        self._shares = _shares(version.card, head.labels)
        self.no_prior = NO_SHARES if self._shares is None else ""

    @classmethod
    def load(cls, version: ModelVersion, networks: Networks) -> Self:
        """Load a version; raises ArtefactError for one that is damaged, or made for other networks than these."""
        head = Head.load(version.file(HEAD))
        try:
            features = version.card["features"]
            views = Views(features["views"])
            made_for = {entry["name"]: entry["sha256"] for entry in features["networks"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"the card of {version.name} {version.shown} lacks its features: {error!r}") from error
        for name, size in head.blocks:
            block = BLOCKS.get(name)
            if block is None or block.size != size:
                raise ArtefactError(f"{version.name} {version.shown} needs the features {name} ({size}), unknown here")
            if made_for.get(block.network) != networks.sha256[block.network]:
                raise ArtefactError(
                    f"{version.name} {version.shown} was trained on another {block.network} network than the one that "
                    "is served; train it again"
                )
        return cls(version, head, networks, views)

    @property
    def name(self) -> ModelName:
        """The model's name and version."""
        return {"name": self._version.name, "version": self._version.shown}

    @property
    def identity(self) -> Hashable:
        """Owner, name and version."""
        return self._version.owner, self._version.name, self._version.version

    def read(self, content: bytes, budget: Budget | None) -> CustomPicture:
        """Decode a picture for the networks that the head uses."""
        return self._networks.read(content, budget, self._used)

    def classes(self, pictures: Sequence[CustomPicture], options: Options) -> list[PictureClasses]:
        """Run the networks over the pictures, and the head over their features."""
        maps = [self._networks.maps(picture, self._used, self._views) for picture in pictures]
        judged = self._head.judge(np.stack([joined(of_one, self._blocks) for of_one in maps]))
        found = ranked(
            judged.probabilities,
            judged.members,
            self.labels,
            options,
            shares=self._shares,
            typicality=judged.typicality,
        )
        answers: list[PictureClasses] = []
        for number, (picture, (answer, top)) in enumerate(zip(pictures, found, strict=True)):
            if options.explain:
                answer["explanation"] = self._explanation(top, maps[number], picture)
                answer["explanation"]["nearest"] = self._nearest(judged.similarities[number])
            if picture.warnings:
                answer["warnings"] = documents(picture.warnings)
            answers.append(answer)
        return answers

    def _explanation(self, column: int, maps: Mapping[str, Maps], picture: CustomPicture) -> HeatMap:
        seen = self._evidence.frame(picture, self._used)
        warm = self._evidence.common(column, maps, picture)
        return explanation(warm, self.labels[column], picture.inputs[seen], self._networks.specs[seen], METHOD)

    def _nearest(self, similarities: NDArray[np.float32]) -> list[Neighbour]:
        """The training pictures most alike, with thumbnails where they can be read."""
        nearest: list[Neighbour] = []
        for neighbour in self._head.nearest(similarities):
            shown: Neighbour = {
                "file": neighbour.file,
                "label": neighbour.label,
                "similarity": neighbour.similarity,
            }
            thumbnail = self._thumbnail(neighbour.row)
            if thumbnail:
                shown["thumbnail"] = data_url("image/jpeg", thumbnail)
            nearest.append(shown)
        return nearest

    def _thumbnail(self, row: int) -> bytes | None:
        known = self._thumbnails.get(row)
        if known is not None:
            return known
        places: Any = self._version.card.get("thumbnails")
        try:
            start, size = places[row]
        except (TypeError, IndexError, KeyError, ValueError):
            return None
        try:
            content = self._version.part(THUMBNAILS, int(start), min(int(size), _THUMBNAIL_BYTES))
        except SkysortError as error:
            # The answer is worth more than its pictures.
            logger.warning("a thumbnail was not read", extra={"model": self._version.name, "detail": error.detail})
            return None
        self._thumbnails.put(row, content)
        return content


def _shares(card: Mapping[str, Any], labels: Sequence[str]) -> NDArray[np.float64] | None:
    """(classes,) shares of the training pictures; None if the card lacks them."""
    try:
        return shares_of(card["training_data"]["classes"], labels)
    except (KeyError, TypeError):
        return None
