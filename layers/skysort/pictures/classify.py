"""Classification of pictures by a shipped model: pictures in, answers out, without HTTP or AWS."""

from __future__ import annotations

from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from skysort.errors import InfrastructureError, SkysortError
from skysort.input_warnings import documents
from skysort.pictures.answering import PictureAnswers, ranked
from skysort.pictures.decode import read
from skysort.pictures.explanation import explanation
from skysort.prior_option import OTHER_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from skysort.answers import ModelName, PictureAnswer, PictureClasses, Ready
    from skysort.cache import AnswerCache
    from skysort.options import Options
    from skysort.pictures.answering import Classified
    from skysort.pictures.bodies.request import PictureRequest
    from skysort.pictures.decode import Picture
    from skysort.pictures.formats.prices import Budget
    from skysort.pictures.model import PictureModel

_DIGITS: Final = 6  # float32 probabilities carry no more
_TOLERANCE: Final = 1e-3  # of a sum of float32 probabilities


class ShippedJudge:
    """A shipped model as a skysort.pictures.answering.Judge."""

    def __init__(self, model: PictureModel) -> None:
        self._model = model
        self.labels = model.labels
        self.subsets = model.subsets
        self.no_prior = OTHER_MODEL

    @property
    def name(self) -> ModelName:
        """The model's name and version."""
        return {"name": self._model.card.name, "version": self._model.card.version}

    @property
    def identity(self) -> Hashable:
        """The model's name and version."""
        return self._model.card.name, self._model.card.version

    def read(self, content: bytes, budget: Budget | None) -> Picture:
        """Decode a picture."""
        return read(content, self._model.spec, budget)

    def classes(self, pictures: Sequence[Picture], options: Options) -> list[PictureClasses]:
        """Run the network over the pictures."""
        model = self._model
        pixels = [picture.pixels for picture in pictures]
        result = model.predict(pixels, activation=options.explain)
        found = ranked(
            result.probabilities,
            result.prediction_sets,
            self.labels,
            options,
            model.wordnet_ids,
            typicality=result.typicality,
        )
        answers: list[PictureClasses] = []
        for number, (picture, (answer, top)) in enumerate(zip(pictures, found, strict=True)):
            if options.explain:
                maps = result.activation
                activation = maps[number, top] if maps is not None else model.activation(pixels[number], top)
                answer["explanation"] = explanation(activation, self.labels[top], picture, model.spec)
            framed = model.framing.check(picture.pixels) if model.framing is not None else None
            if warnings := (*picture.warnings, *([framed] if framed is not None else [])):
                answer["warnings"] = documents(warnings)
            answers.append(answer)
        return answers


class PictureClassifier:
    """Classifies pictures with a loaded model; cache, fetch: see skysort.pictures.answering.PictureAnswers."""

    def __init__(
        self,
        model: PictureModel,
        cache: AnswerCache[PictureClasses] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, bytes | SkysortError]] | None = None,
    ) -> None:
        self._model = model
        self._judge = ShippedJudge(model)
        self._answers = PictureAnswers(cache, fetch)
        self.labels = model.labels

    def answer(self, request: PictureRequest, query: Mapping[str, object]) -> PictureAnswer:
        """Classify a request's pictures, as PictureAnswers.answer does."""
        return self._answers.answer(self._judge, request, query)

    def model_name(self) -> ModelName:
        """The model's name and version, as answers and records have them."""
        return self._judge.name

    def self_test(self) -> Ready:
        """Classify the built-in sample without the cache; raises InfrastructureError unless probabilities sum to 1."""
        started = perf_counter()
        picture = read(sample_picture(), self._model.spec)
        probabilities = self._model.predict(picture.pixels[np.newaxis]).probabilities[0]
        if not np.isfinite(probabilities).all() or abs(float(probabilities.sum()) - 1) > _TOLERANCE:
            raise InfrastructureError(f"the sample's probabilities sum to {float(probabilities.sum())}")
        best = int(probabilities.argmax())
        return {
            "status": "ready",
            "model": self.model_name(),
            "sample": {
                "id": "spiral",
                "label": self.labels[best],
                "class_id": best,
                "probability": round(float(probabilities[best]), _DIGITS),
            },
            "timing_ms": {"total": round((perf_counter() - started) * 1e3, 3)},
        }

    def classify_pictures(
        self, contents: Sequence[bytes | SkysortError], options: Options, budget: Budget | None = None
    ) -> tuple[list[Classified | SkysortError], float, float]:
        """Classify pictures in order, as PictureAnswers.classify does."""
        return self._answers.classify(self._judge, contents, options, budget)


def sample_picture() -> bytes:
    """A synthetic JPEG of an inclined spiral on a dark sky: no file to ship or license."""
    down, across = np.mgrid[-1.0:1.0:160j, -1.0:1.0:160j]
    radius = np.hypot(across, down / 0.7)
    arms = 0.5 + 0.5 * np.cos(2 * np.arctan2(down / 0.7, across) - 9 * radius)
    bulge, disc = np.exp(-((radius / 0.12) ** 2)), np.exp(-radius / 0.22) * (0.4 + 0.6 * arms)
    colours = np.stack([bulge + 0.7 * disc, 0.9 * bulge + 0.75 * disc, 0.7 * bulge + 0.9 * disc], axis=2)
    file = BytesIO()
    Image.fromarray((np.clip(colours * 220 + 8, 0, 255)).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()
