"""Classification of star rows: rows in, answers out, without HTTP or AWS."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort import input_warnings, problems
from skysort.errors import InfrastructureError, InvalidFieldsError, LimitExceededError
from skysort.limits import STAR_EXPLAINED_ROWS_PER_REQUEST
from skysort.options import Options, combined, parse_options
from skysort.prior_option import document
from skysort.probability import restricted
from skysort.star.answered_table import table_of
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.star.rows import StarRow, as_photometry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import FailedResult, Ready, StarAnswer, StarClasses, StarResult, TreeExplanation, Variant
    from skysort.cache import AnswerCache
    from skysort.star.body import StarRequest
    from skysort.star.columns import Photometry
    from skysort.star.model import Explanation, StarModel
    from skysort.star.schema import Schema

# The first object of SDSS17, a luminous red galaxy with a spectrum.
SAMPLE: Final = StarRow("sdss17-1", (23.87882, 22.2753, 20.39501, 19.16573, 18.79371, 0.6347936))
SAMPLE_LABEL: Final = "GALAXY"
_DIGITS: Final = 6  # float32 probabilities carry no more


class StarClassifier:
    """Classifies star rows with a loaded model and a cache of answers."""

    def __init__(self, model: StarModel, cache: AnswerCache[StarClasses]) -> None:
        self._model = model
        self._cache = cache

    def answer(self, request: StarRequest, query: Mapping[str, object]) -> StarAnswer:
        """Classify a request's rows; a bad row gets a problem instead of classes.

        Parameters
        ----------
        request
            The rows, and the options of the body.
        query
            Options of the query string, which override those of the body.

        Returns
        -------
        A result for every row, in the order of the request.

        Raises
        ------
        InvalidFieldsError
            For bad options, and for a bad single row.
        LimitExceededError
            For more rows than may be explained.
        """
        started = perf_counter()
        model = self._model
        given = combined(request.options, query, model.labels, no_prior=model.no_prior)
        options = parse_options(given, model.labels, no_prior=model.no_prior)
        if request.single and request.rows[0].errors:
            raise InvalidFieldsError(list(request.rows[0].errors))
        if options.explain and len(request.rows) > STAR_EXPLAINED_ROWS_PER_REQUEST:
            raise LimitExceededError(f"at most {STAR_EXPLAINED_ROWS_PER_REQUEST} rows a request can be explained")
        results, predict_ms = self._classify(request.rows, options)
        table = table_of(model, request.rows, results, options)
        total_ms = (perf_counter() - started) * 1e3
        answer: StarAnswer = {
            "model": {"name": model.card.name, "version": model.card.version},
            "results": results,
            "timing_ms": {"predict": round(predict_ms, 3), "total": round(total_ms, 3)},
        }
        if table is not None:
            answer["table"] = table
        if options.prior is not None:
            answer["prior"] = document(options.prior, model.labels, options.columns)
        return answer

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels."""
        return self._model.labels

    @property
    def schema(self) -> Schema:
        """The model's columns."""
        return self._model.schema

    def self_test(self) -> Ready:
        """Classify the built-in sample without the cache; raises InfrastructureError for a wrong class."""
        started = perf_counter()
        (answer,) = self._predict([SAMPLE], parse_options({}, self._model.labels))
        best = answer["predictions"][0]
        if best["label"] != SAMPLE_LABEL:
            raise InfrastructureError(f"the sample was classified as {best['label']}; it is a {SAMPLE_LABEL}")
        card = self._model.card
        return {
            "status": "ready",
            "model": {"name": card.name, "version": card.version},
            "sample": {"id": SAMPLE.id, **best},
            "timing_ms": {"total": round((perf_counter() - started) * 1e3, 3)},
        }

    def _classify(self, rows: Sequence[StarRow], options: Options) -> tuple[list[StarResult | FailedResult], float]:
        """Answer every row in order; known values come from the cache, the rest from one prediction."""
        version = self._model.identity
        keys = [None if row.errors else _key(version, row.values, options) for row in rows]
        answers = [None if key is None else self._cache.get(key) for key in keys]
        fresh = [place for place, (key, answer) in enumerate(zip(keys, answers, strict=True)) if key and answer is None]
        started = perf_counter()
        for place, answer in zip(fresh, self._predict([rows[place] for place in fresh], options), strict=True):
            answers[place] = answer
            self._cache.put(keys[place], answer)
        predict_ms = (perf_counter() - started) * 1e3
        predicted, room = set(fresh), problems.room_for(len(rows))
        results: list[StarResult | FailedResult] = [
            _refusal(row, room) if answer is None else _result(row, answer, cached=place not in predicted)
            for place, (row, answer) in enumerate(zip(rows, answers, strict=True))
        ]
        return results, predict_ms

    def _predict(self, rows: Sequence[StarRow], options: Options) -> list[StarClasses]:
        if not rows:
            return []
        photometry = as_photometry(rows)
        result = self._model.classify(photometry)
        probabilities, sets = result.probabilities, result.prediction_sets
        columns: Sequence[int] = range(len(self._model.labels))
        if options.columns is not None:
            probabilities, sets = restricted(probabilities, sets, options.columns)
            columns = options.columns
        if options.prior is not None:
            probabilities = self._model.at_prior(probabilities, result.with_redshift, options.prior, options.columns)
        labels = [self._model.labels[column] for column in columns]
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, : options.top_k]
        variants: list[Variant] = [
            WITH_REDSHIFT if spectroscopic else PHOTOMETRY_ONLY for spectroscopic in result.with_redshift.tolist()
        ]
        answers: list[StarClasses] = [
            {
                "predictions": [
                    {"label": labels[index], "class_id": columns[index], "probability": round(row[index], _DIGITS)}
                    for index in best
                ],
                "prediction_set": [label for label, is_in in zip(labels, inside, strict=True) if is_in],
                "variant": variant,
            }
            for row, best, inside, variant in zip(
                probabilities.tolist(), order.tolist(), sets.tolist(), variants, strict=True
            )
        ]
        if result.typicality is not None:
            for answer, typicality in zip(answers, result.typicality.tolist(), strict=True):
                answer["typicality"] = round(typicality, _DIGITS)
                answer["in_domain"] = typicality >= self._model.typical_from
        if options.explain:
            self._explain(answers, photometry)
        return answers

    def _explain(self, answers: list[StarClasses], photometry: Photometry) -> None:
        for answer, explanation in zip(answers, self._model.explain(photometry), strict=True):
            answer["explanation"] = _explanation(explanation, self._model.labels)


def _key(version: str, values: tuple[float, ...], options: Options) -> tuple[str, tuple[float | None, ...], Options]:
    """A cache key without NaN (a missing redshift), which does not equal itself."""
    return (version, tuple(value if value == value else None for value in values), options)  # noqa: PLR0124


def _result(row: StarRow, answer: StarClasses, *, cached: bool) -> StarResult:
    if row.warnings:
        return {"id": row.id, **answer, "warnings": input_warnings.documents(row.warnings), "cached": cached}
    return {"id": row.id, **answer, "cached": cached}


def _refusal(row: StarRow, room: int) -> FailedResult:
    return {"id": row.id, "error": problems.from_error(InvalidFieldsError(list(row.errors)), room=room)}


def _explanation(explanation: Explanation, labels: Sequence[str]) -> TreeExplanation:
    """SHAP values of an answer: for each class, base + contributions = margin."""
    return {
        "method": "tree SHAP",
        "features": dict(zip(explanation.features, map(_or_none, _rounded(explanation.values)), strict=True)),
        "classes": {
            label: {
                "base": round(base, _DIGITS),
                "contributions": dict(zip(explanation.features, _rounded(contributions), strict=True)),
                "margin": round(margin, _DIGITS),
            }
            for label, base, contributions, margin in zip(
                labels, explanation.base.tolist(), explanation.contributions, explanation.margins.tolist(), strict=True
            )
        },
    }


def _or_none(value: float) -> float | None:
    """A feature's value, None for one that is missing, as an optional column of a trained model may be."""
    return None if math.isnan(value) else value


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(value, _DIGITS) for value in values.tolist()]
