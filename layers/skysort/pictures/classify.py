"""Classification of pictures: pictures in, answers out, without HTTP or AWS."""

from __future__ import annotations

import base64
import hashlib
from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from skysort import problems
from skysort.cache import AnswerCache
from skysort.errors import InfrastructureError, InputError, SkysortError
from skysort.input_warnings import documents
from skysort.options import Options, combined, parse_options
from skysort.pictures.decode import read
from skysort.pictures.formats.prices import Budget
from skysort.probability import restricted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import (
        FailedResult,
        HeatMap,
        ModelName,
        PictureAnswer,
        PictureClasses,
        PictureResult,
        Prediction,
        Ready,
    )
    from skysort.pictures.bodies.request import PictureItem, PictureRequest
    from skysort.pictures.decode import Picture
    from skysort.pictures.geometry import InputSpec
    from skysort.pictures.model import PictureModel

    class Classified(PictureClasses):
        """A picture's classes. cached: whether they come from the cache."""

        cached: bool


_DIGITS: Final = 6  # float32 probabilities carry no more
_TOLERANCE: Final = 1e-3  # of a sum of float32 probabilities
_OPTIONS_KEPT, _OPTIONS_CHARACTERS = 100, 1_000
_HEAT_MAP_SIDE, _VIEW_QUALITY, _WINDOW_DIGITS = 112, 85, 4


class PictureClassifier:
    """Classifies pictures with a loaded model.

    Parameters
    ----------
    model
        The model.
    cache
        The cache of answers; None in the drop folder, where threads share the classifier.
    fetch
        Reads the objects of s3_keys; None where requests may not have them.
    """

    def __init__(
        self,
        model: PictureModel,
        cache: AnswerCache[PictureClasses] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, bytes | SkysortError]] | None = None,
    ) -> None:
        self._model = model
        self.labels = model.labels
        self._cache = cache
        self._fetch = fetch
        self._resolved: AnswerCache[Options] = AnswerCache(_OPTIONS_KEPT)

    def answer(self, request: PictureRequest, query: Mapping[str, object]) -> PictureAnswer:
        """Classify a request's pictures.

        Parameters
        ----------
        request
            The pictures, and the options of the body.
        query
            Options of the query string, which override those of the body.

        Returns
        -------
        The answer: for each picture its classes, or a problem for a bad one.

        Raises
        ------
        InvalidFieldsError
            For bad options.
        SkysortError
            The error of a single bare picture.
        """
        started = perf_counter()
        options = self._options(combined(request.options, query, self.labels, self._model.subsets))
        budget = Budget.of_a_request()
        results, decode_ms, predict_ms = self.classify_pictures(self._contents(request.items), options, budget)
        if request.single and isinstance(results[0], SkysortError):
            raise results[0]
        timing = (decode_ms, predict_ms, (perf_counter() - started) * 1e3)
        decode, predict, total = (round(milliseconds, 3) for milliseconds in timing)
        return {
            "model": self.model_name(),
            "results": [_result(item.id, result) for item, result in zip(request.items, results, strict=True)],
            "timing_ms": {"decode": decode, "predict": predict, "total": total},
        }

    def model_name(self) -> ModelName:
        """The model's name and version, as answers and records have them."""
        return {"name": self._model.card.name, "version": self._model.card.version}

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
        """Classify pictures in order; answers for known bytes come from the cache, duplicates are classified once.

        Parameters
        ----------
        contents
            The files, or their errors.
        options
            Resolved against the model's labels.
        budget
            The decoding budget shared by all of them; None gives each its own.

        Returns
        -------
        For every picture its classes or its error; milliseconds spent decoding and predicting.
        """
        started = perf_counter()
        keys = [None if isinstance(content, SkysortError) else self._key(content, options) for content in contents]
        cached = {key: self._cache.get(key) for key in keys if key is not None} if self._cache is not None else {}
        pictures: dict[Hashable, Picture] = {}
        failures: dict[Hashable, SkysortError] = {}
        for content, key in zip(contents, keys, strict=True):
            if isinstance(content, bytes) and not (cached.get(key) or key in pictures or key in failures):
                try:
                    pictures[key] = read(content, self._model.spec, budget)
                except SkysortError as error:
                    failures[key] = error
        decoded = perf_counter()
        fresh = dict(zip(pictures, self._predict(list(pictures.values()), options), strict=True))
        if self._cache is not None:
            for key, answer in fresh.items():
                self._cache.put(key, answer)

        def outcome(content: bytes | SkysortError, key: Hashable) -> Classified | SkysortError:
            if isinstance(content, SkysortError):
                return content
            known = cached.get(key)
            return {**known, "cached": True} if known else failures.get(key) or {**fresh[key], "cached": False}

        results = [outcome(content, key) for content, key in zip(contents, keys, strict=True)]
        return results, (decoded - started) * 1e3, (perf_counter() - decoded) * 1e3

    def _options(self, requested: Mapping[str, object]) -> Options:
        """Resolve options, memoised: looking up a thousand labels takes 1 ms."""
        key = repr(sorted(requested.items()))
        known = self._resolved.get(key)
        if known is None:
            known = parse_options(requested, self.labels, self._model.subsets)
            if len(key) <= _OPTIONS_CHARACTERS:
                self._resolved.put(key, known)
        return known

    def _contents(self, items: Sequence[PictureItem]) -> list[bytes | SkysortError]:
        """The bytes of every picture; those in S3 are fetched concurrently."""
        keys = [item.s3_key for item in items if item.error is None and item.s3_key is not None]
        fetched: Mapping[str, bytes | SkysortError] = {}
        if keys and self._fetch is not None:
            fetched = self._fetch(keys)
        elif keys:
            refusal = InputError("pictures cannot be named by s3_key here; send them in the request")
            fetched = dict.fromkeys(keys, refusal)
        return [item.error or (item.content if item.s3_key is None else fetched[item.s3_key]) for item in items]

    def _key(self, content: bytes, options: Options) -> Hashable:
        card = self._model.card
        return card.name, card.version, options, hashlib.sha256(content).digest()

    def _predict(self, pictures: Sequence[Picture], options: Options) -> list[PictureClasses]:
        if not pictures:
            return []
        model = self._model
        pixels = np.stack([picture.pixels for picture in pictures])
        result = model.predict(pixels, activation=options.explain)
        probabilities, inside = result.probabilities, result.prediction_sets
        columns: Sequence[int] = range(len(self.labels))
        if options.columns is not None:
            columns = options.columns
            probabilities, inside = restricted(probabilities, inside, columns)
        order = np.argsort(-probabilities, axis=1, kind="stable")
        answers: list[PictureClasses] = []
        for number, (picture, best_first) in enumerate(zip(pictures, order, strict=True)):
            best = best_first[: options.top_k].tolist()
            members = best_first[inside[number, best_first]].tolist()
            answer: PictureClasses = {
                "predictions": [
                    self._prediction(columns[index], float(probabilities[number, index])) for index in best
                ],
                "prediction_set": [self.labels[columns[index]] for index in members],
            }
            if options.explain:
                top, maps = columns[best[0]], result.activation
                activation = maps[number, top] if maps is not None else model.activation(pixels[number], top)
                answer["explanation"] = _explanation(activation, self.labels[top], picture, model.spec)
            if picture.warnings:
                answer["warnings"] = documents(picture.warnings)
            answers.append(answer)
        return answers

    def _prediction(self, column: int, probability: float) -> Prediction:
        prediction: Prediction = {
            "label": self.labels[column],
            "class_id": column,
            "probability": round(probability, _DIGITS),
        }
        if self._model.wordnet_ids:
            prediction["wordnet_id"] = self._model.wordnet_ids[column]
        return prediction


def _result(name: str, result: Classified | SkysortError) -> PictureResult | FailedResult:
    if isinstance(result, SkysortError):
        return {"id": name, "error": problems.from_error(result)}
    return {"id": name, **result}


def _explanation(activation: NDArray[np.float32], label: str, picture: Picture, spec: InputSpec) -> HeatMap:
    """The heat map of one class: its class activation map (Zhou et al. 2016) over the model's window of the picture."""
    left, upper, right, lower = spec.window(picture.width, picture.height)
    view = BytesIO()  # for formats that browsers do not display (FITS, TIFF, HEIC)
    Image.fromarray(picture.pixels).save(view, "JPEG", quality=_VIEW_QUALITY)
    return {
        "method": "class activation map",
        "label": label,
        "heat_map": "data:image/png;base64," + base64.b64encode(heat_map(activation)).decode("ascii"),
        "view": "data:image/jpeg;base64," + base64.b64encode(view.getvalue()).decode("ascii"),
        "window": {
            "left": round(left / picture.width, _WINDOW_DIGITS),
            "upper": round(upper / picture.height, _WINDOW_DIGITS),
            "right": round(right / picture.width, _WINDOW_DIGITS),
            "lower": round(lower / picture.height, _WINDOW_DIGITS),
        },
    }


def heat_map(activation: NDArray[np.float32]) -> bytes:
    """A PNG from transparent black over red and yellow to white; negative evidence is left out."""
    strength = np.clip(np.nan_to_num(activation), 0.0, None)
    strength /= max(float(strength.max()), float(np.finfo(np.float32).tiny))
    height, width = activation.shape
    size = (_HEAT_MAP_SIDE, max(1, round(_HEAT_MAP_SIDE * height / width)))
    smooth = Image.fromarray((strength * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    # Black, red, yellow, white: brightness rises monotonically, so that it reads in greyscale as well.
    level = np.arange(256)
    ramps = np.stack([level * 3, level * 3 - 255, level * 3 - 510], axis=1)
    smooth.putpalette(np.clip(ramps, 0, 255).astype(np.uint8).tobytes())
    file = BytesIO()
    # Opacity rises with activation: the picture shows through where the map is low.
    smooth.save(file, "PNG", transparency=bytes(min(255, level * 3 // 2) for level in range(256)))
    return file.getvalue()


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
