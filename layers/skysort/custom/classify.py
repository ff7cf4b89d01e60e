"""Classification of pictures by trained models: the live version of the named one answers."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort import __version__
from skysort.custom.model import CustomModel
from skysort.custom.networks import GALAXY
from skysort.errors import InfrastructureError
from skysort.models import CUSTOM
from skysort.pictures.answering import PictureAnswers
from skysort.pictures.classify import sample_picture
from skysort.registry.live import LiveModels
from skysort.registry.names import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.answers import PictureAnswer, PictureClasses, Ready
    from skysort.cache import AnswerCache
    from skysort.custom.networks import Networks
    from skysort.errors import SkysortError
    from skysort.pictures.bodies.request import PictureRequest
    from skysort.registry.store import ModelStore

_DIGITS: Final = 6


def live_models(store: ModelStore, networks: Networks) -> LiveModels[CustomModel]:
    """The trained picture models of a store."""
    return LiveModels(store, Kind.PICTURES, partial(CustomModel.load, networks=networks))


class CustomClassifier:
    """Classifies pictures with trained models; cache, fetch: see skysort.pictures.answering.PictureAnswers."""

    def __init__(
        self,
        live: LiveModels[CustomModel],
        networks: Networks,
        cache: AnswerCache[PictureClasses] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, bytes | SkysortError]] | None = None,
    ) -> None:
        self._live = live
        self._networks = networks
        self._answers = PictureAnswers(cache, fetch)

    def answer(self, request: PictureRequest, query: Mapping[str, object], owner: str, name: str) -> PictureAnswer:
        """Classify a request's pictures.

        Parameters
        ----------
        request, query
            As in PictureAnswers.answer.
        owner, name
            Whose model, and which; its version stays the same for the whole request.

        Returns
        -------
        The answer. Raises NotFoundError for an unknown model, and as PictureAnswers.answer does.
        """
        return self._answers.answer(self._live.get(owner, name), request, query)

    def self_test(self) -> Ready:
        """Run both networks over the built-in sample; raises InfrastructureError unless every feature is a number."""
        started = perf_counter()
        picture = self._networks.read(sample_picture())
        for name, maps in self._networks.maps(picture).items():
            if not np.isfinite(maps.features).all():
                raise InfrastructureError(f"the {name} network's features of the sample are no numbers")
        galaxy = self._networks.models[GALAXY]
        probabilities = galaxy.predict(picture.inputs[GALAXY].pixels[np.newaxis]).probabilities[0]
        best = int(probabilities.argmax())
        return {
            "status": "ready",
            "model": {"name": CUSTOM.name, "version": __version__},
            "sample": {
                "id": "spiral",
                "label": galaxy.labels[best],
                "class_id": best,
                "probability": round(float(probabilities[best]), _DIGITS),
            },
            "timing_ms": {"total": round((perf_counter() - started) * 1e3, 3)},
        }
