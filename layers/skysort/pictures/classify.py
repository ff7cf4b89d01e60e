"""Pictures in, answers out: what the picture functions do, without HTTP and without AWS."""

from __future__ import annotations

import hashlib
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort import problems
from skysort.cache import AnswerCache
from skysort.errors import InfrastructureError, InputError, SkysortError
from skysort.input_warnings import documents
from skysort.options import Options, combined, parse_options
from skysort.pictures.decode import read
from skysort.pictures.explain import explanation
from skysort.pictures.formats.prices import Budget
from skysort.pictures.sample import sample_picture
from skysort.probability import restricted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.pictures.bodies.request import PictureItem, PictureRequest
    from skysort.pictures.decode import Picture
    from skysort.pictures.model import PictureModel

Answer = dict[str, Any]
_DIGITS: Final = 6  # float32 probabilities carry no more
_OPTIONS_KEPT: Final = 100
_OPTIONS_CHARACTERS: Final = 1_000


class PictureClassifier:
    """A loaded model.

    cache: of answers; None, as in the drop folder, where threads share the classifier, keeps none.
    fetch: reads the bytes behind s3_keys, where requests may have them.
    """

    def __init__(
        self,
        model: PictureModel,
        cache: AnswerCache[Answer] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, bytes | SkysortError]] | None = None,
    ) -> None:
        self._model = model
        self._cache = cache
        self._fetch = fetch
        self._resolved: AnswerCache[Options] = AnswerCache(_OPTIONS_KEPT)

    def answer(self, request: PictureRequest, query: Mapping[str, Any]) -> Answer:
        """Classify a request's pictures; a bad one gets a problem in its place, the others their classes.

        query: options of the query string, which win over those of the body.
        Raises InvalidFieldsError for bad options, and the error of a picture that came alone.
        """
        started = perf_counter()
        options = self._options(combined(request.options, query, self._model.labels, self._model.subsets))
        budget = Budget.of_a_request()
        results, decode_ms, predict_ms = self.classify(self._contents(request.items), options, budget)
        if request.single and isinstance(results[0], SkysortError):
            raise results[0]
        total_ms = (perf_counter() - started) * 1e3
        return {
            "model": self.model_document(),
            "results": [_result(item.id, result) for item, result in zip(request.items, results, strict=True)],
            "timing_ms": {
                "decode": round(decode_ms, 3),
                "predict": round(predict_ms, 3),
                "total": round(total_ms, 3),
            },
        }

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels."""
        return self._model.labels

    def model_document(self) -> Answer:
        """The model as every record names it."""
        return {"name": self._model.card.name, "version": self._model.card.version}

    def self_test(self) -> Answer:
        """Decode and classify the built-in sample, past the cache.

        Raises InfrastructureError when what comes out is no probability distribution.
        """
        started = perf_counter()
        picture = read(sample_picture(), self._model.spec)
        chances = self._model.classify(picture.pixels[np.newaxis]).probabilities[0]
        if not np.isfinite(chances).all() or abs(float(chances.sum()) - 1) > 1e-3:  # noqa: PLR2004 - float32 sums
            raise InfrastructureError(f"the sample's probabilities sum to {float(chances.sum())}")
        best = int(chances.argmax())
        return {
            "status": "ready",
            "model": self.model_document(),
            "sample": {
                "id": "spiral",
                "label": self._model.labels[best],
                "class_id": best,
                "probability": round(float(chances[best]), _DIGITS),
            },
            "timing_ms": {"total": round((perf_counter() - started) * 1e3, 3)},
        }

    def classify(
        self, contents: Sequence[bytes | SkysortError], options: Options, budget: Budget | None = None
    ) -> tuple[list[Answer | SkysortError], float, float]:
        """Answer every picture in order, or say why not; milliseconds spent on decoding and on predicting.

        Bytes seen before come from the cache, equal ones are classified once.
        """
        started = perf_counter()
        keys = [None if isinstance(content, SkysortError) else self._key(content, options) for content in contents]
        results: list[Answer | SkysortError | None] = [
            content if isinstance(content, SkysortError) else self._cached(key)
            for content, key in zip(contents, keys, strict=True)
        ]
        pictures: dict[Any, Picture] = {}
        failures: dict[Any, SkysortError] = {}
        for content, key, result in zip(contents, keys, results, strict=True):
            if result is None and isinstance(content, bytes) and key not in pictures and key not in failures:
                try:
                    pictures[key] = read(content, self._model.spec, budget)
                except SkysortError as error:
                    failures[key] = error
        decoded = perf_counter()
        fresh = dict(zip(pictures, self._predict(list(pictures.values()), options), strict=True))
        if self._cache is not None:
            for key, answer in fresh.items():
                self._cache.put(key, answer)
        answered = [
            (failures[key] if key in failures else {**fresh[key], "cached": False}) if result is None else result
            for key, result in zip(keys, results, strict=True)
        ]
        return answered, (decoded - started) * 1e3, (perf_counter() - decoded) * 1e3

    def _options(self, given: Mapping[str, Any]) -> Options:
        """Options resolved; those seen before are remembered, as to look up a thousand labels' names takes 1 ms."""
        key = repr(sorted(given.items()))
        known = self._resolved.get(key)
        if known is None:
            known = parse_options(given, self._model.labels, self._model.subsets)
            if len(key) <= _OPTIONS_CHARACTERS:
                self._resolved.put(key, known)
        return known

    def _contents(self, items: Sequence[PictureItem]) -> list[bytes | SkysortError]:
        """The bytes of every picture; those that lie in S3 are fetched side by side."""
        keys = [item.s3_key for item in items if item.error is None and item.s3_key is not None]
        fetched: Mapping[str, bytes | SkysortError] = {}
        if keys and self._fetch is not None:
            fetched = self._fetch(keys)
        elif keys:
            refusal = InputError("pictures cannot be named by s3_key here; send them in the request")
            fetched = dict.fromkeys(keys, refusal)
        return [item.error or (item.content if item.s3_key is None else fetched[item.s3_key]) for item in items]

    def _key(self, content: bytes, options: Options) -> Any:
        card = self._model.card
        return card.name, card.version, options, hashlib.sha256(content).digest()

    def _cached(self, key: Any) -> Answer | None:
        answer = None if self._cache is None else self._cache.get(key)
        return None if answer is None else {**answer, "cached": True}

    def _predict(self, pictures: Sequence[Picture], options: Options) -> list[Answer]:
        if not pictures:
            return []
        pixels = np.stack([picture.pixels for picture in pictures])
        found = self._model.classify(pixels, activation=options.explain)
        chances, members = found.probabilities, found.members
        columns: Sequence[int] = range(len(self._model.labels))
        if options.columns is not None:
            columns = options.columns
            chances, members = restricted(chances, members, options.columns)
        order = np.argsort(-chances, axis=1, kind="stable")
        answers: list[Answer] = []
        for number, best_first in enumerate(order):
            best = best_first[: options.top_k].tolist()
            inside = best_first[members[number, best_first]].tolist()
            answer: Answer = {
                "predictions": [self._prediction(columns[at], float(chances[number, at])) for at in best],
                "prediction_set": [self._model.labels[columns[at]] for at in inside],
            }
            if options.explain:
                seen = columns[best[0]]
                every_map = found.activation
                seen_at = (
                    every_map[number, seen] if every_map is not None else self._model.activation(pixels[number], seen)
                )
                label, picture = self._model.labels[seen], pictures[number]
                answer["explanation"] = explanation(seen_at, label, picture, self._model.spec)
            if pictures[number].warnings:
                answer["warnings"] = documents(pictures[number].warnings)
            answers.append(answer)
        return answers

    def _prediction(self, column: int, chance: float) -> Answer:
        prediction = {
            "label": self._model.labels[column],
            "class_id": column,
            "probability": round(chance, _DIGITS),
        }
        if self._model.wordnet_ids:
            prediction["wordnet_id"] = self._model.wordnet_ids[column]
        return prediction


def _result(name: str, result: Answer | SkysortError) -> Answer:
    if isinstance(result, SkysortError):
        return {"id": name, "error": problems.from_error(result)}
    return {"id": name, **result}
