"""Answers to requests with pictures, whatever model judges them: options, cache, duplicates, faulty pictures, times."""

from __future__ import annotations

import hashlib
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import numpy as np

from skysort import problems
from skysort.cache import AnswerCache
from skysort.errors import InputError, SkysortError
from skysort.learning.sketch import THRESHOLD
from skysort.options import Options, combined, parse_options
from skysort.pictures.formats.prices import Budget
from skysort.prior_option import document
from skysort.priors import reweighted
from skysort.probability import restricted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import (
        FailedResult,
        ModelName,
        PictureAnswer,
        PictureClasses,
        PictureResult,
        Prediction,
    )
    from skysort.pictures.bodies.request import PictureItem, PictureRequest

    class Classified(PictureClasses):
        """A picture's classes. cached: whether they come from the cache."""

        cached: bool


Decoded = TypeVar("Decoded")
_DIGITS: Final = 6  # float32 probabilities carry no more, and no typicality is smaller
_OPTIONS_KEPT, _OPTIONS_CHARACTERS = 100, 1_000


class Judge(Protocol[Decoded]):
    """A loaded model that judges pictures."""

    @property
    def name(self) -> ModelName:
        """The model's name and version, as answers and records have them."""

    @property
    def identity(self) -> Hashable:
        """What no other model or version has."""

    @property
    def labels(self) -> Sequence[str]:
        """The model's labels."""

    @property
    def subsets(self) -> Mapping[str, Sequence[str]]:
        """Names of several labels."""

    @property
    def no_prior(self) -> str:
        """Why the model takes no prior; empty if it does."""

    def read(self, content: bytes, budget: Budget | None) -> Decoded:
        """Decode a picture; raises a SkysortError for one that cannot be."""

    def classes(self, pictures: Sequence[Decoded], options: Options) -> list[PictureClasses]:
        """The classes of each picture."""


class PictureAnswers:
    """Answers requests with a judge.

    Parameters
    ----------
    cache
        The cache of answers; None in the drop folder, where threads share the object.
    fetch
        Reads the objects of s3_keys; None where requests may not have them.
    """

    def __init__(
        self,
        cache: AnswerCache[PictureClasses] | None = None,
        fetch: Callable[[Sequence[str]], Mapping[str, bytes | SkysortError]] | None = None,
    ) -> None:
        self._cache = cache
        self._fetch = fetch
        self._resolved: AnswerCache[Options] = AnswerCache(_OPTIONS_KEPT)

    def answer(self, judge: Judge[Decoded], request: PictureRequest, query: Mapping[str, object]) -> PictureAnswer:
        """Classify a request's pictures.

        Parameters
        ----------
        judge
            The model.
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
        given = combined(request.options, query, judge.labels, judge.subsets, no_prior=judge.no_prior)
        options = self._options(judge, given)
        budget = Budget.of_a_request()
        results, decode_ms, predict_ms = self.classify(judge, self._contents(request.items), options, budget)
        if request.single and isinstance(results[0], SkysortError):
            raise results[0]
        timing = (decode_ms, predict_ms, (perf_counter() - started) * 1e3)
        decode, predict, total = (round(milliseconds, 3) for milliseconds in timing)
        answer: PictureAnswer = {
            "model": judge.name,
            "results": [_result(item.id, result) for item, result in zip(request.items, results, strict=True)],
            "timing_ms": {"decode": decode, "predict": predict, "total": total},
        }
        if options.prior is not None:
            answer["prior"] = document(options.prior, judge.labels, options.columns)
        return answer

    def classify(
        self,
        judge: Judge[Decoded],
        contents: Sequence[bytes | SkysortError],
        options: Options,
        budget: Budget | None = None,
    ) -> tuple[list[Classified | SkysortError], float, float]:
        """Classify pictures in order; answers for known bytes come from the cache, duplicates are classified once.

        Parameters
        ----------
        judge
            The model.
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
        keys = [None if isinstance(content, SkysortError) else _key(judge, content, options) for content in contents]
        cached = {key: self._cache.get(key) for key in keys if key is not None} if self._cache is not None else {}
        pictures: dict[Hashable, Decoded] = {}
        failures: dict[Hashable, SkysortError] = {}
        for content, key in zip(contents, keys, strict=True):
            if isinstance(content, bytes) and not (cached.get(key) or key in pictures or key in failures):
                try:
                    pictures[key] = judge.read(content, budget)
                except SkysortError as error:
                    failures[key] = error
        decoded = perf_counter()
        judged = judge.classes(list(pictures.values()), options) if pictures else []
        fresh = dict(zip(pictures, judged, strict=True))
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

    def _options(self, judge: Judge[Decoded], requested: Mapping[str, object]) -> Options:
        """Resolve options, memoised: looking up a thousand labels takes 1 ms."""
        text = repr(sorted(requested.items()))
        key = judge.identity, text
        known = self._resolved.get(key)
        if known is None:
            known = parse_options(requested, judge.labels, judge.subsets, no_prior=judge.no_prior)
            if len(text) <= _OPTIONS_CHARACTERS:
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


def ranked(
    probabilities: NDArray[np.float32],
    members: NDArray[np.bool_],
    labels: Sequence[str],
    options: Options,
    wordnet_ids: Sequence[str] = (),
    *,
    shares: NDArray[np.float64] | None = None,
    typicality: NDArray[np.float64] | None = None,
) -> list[tuple[PictureClasses, int]]:
    """The predictions and prediction set of each picture as answers have them, and the best class's column.

    Parameters
    ----------
    probabilities, members
        (n, classes): of every label, and whether it is in the prediction set.
    labels, wordnet_ids
        By column.
    options
        Which labels to choose from, how many predictions, and the class shares.
    shares
        (classes,) of the training data, of a model that takes others.
    typicality
        (n,) p-values, if the model measures them.

    Returns
    -------
    A pair for each picture.
    """
    columns: Sequence[int] = range(len(labels))
    if options.columns is not None:
        columns = options.columns
        probabilities, members = restricted(probabilities, members, columns)
    if options.prior is not None and shares is not None:
        probabilities = reweighted(probabilities, shares[list(columns)], options.prior)
    order = np.argsort(-probabilities, axis=1, kind="stable")

    def prediction(number: int, index: int) -> Prediction:
        column = columns[index]
        found: Prediction = {
            "label": labels[column],
            "class_id": column,
            "probability": round(float(probabilities[number, index]), _DIGITS),
        }
        if wordnet_ids:
            found["wordnet_id"] = wordnet_ids[column]
        return found

    found: list[tuple[PictureClasses, int]] = []
    for number, best in enumerate(order):
        answer: PictureClasses = {
            "predictions": [prediction(number, index) for index in best[: options.top_k].tolist()],
            "prediction_set": [labels[columns[index]] for index in best[members[number, best]].tolist()],
        }
        if typicality is not None:
            answer["typicality"] = round(float(typicality[number]), _DIGITS)
            answer["in_domain"] = bool(typicality[number] >= THRESHOLD)
        found.append((answer, columns[int(best[0])]))
    return found


def _key(judge: Judge[Decoded], content: bytes, options: Options) -> Hashable:
    return judge.identity, options, hashlib.sha256(content).digest()


def _result(name: str, result: Classified | SkysortError) -> PictureResult | FailedResult:
    if isinstance(result, SkysortError):
        return {"id": name, "error": problems.from_error(result)}
    return {"id": name, **result}
