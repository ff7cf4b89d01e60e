"""Models on this machine, run by the functions' own code, with the same answers as over HTTP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skysort import problems
from skysort.errors import SkysortError
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.local import load_networks, loading, model_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.answers import PictureAnswer, StarAnswer, TableDomain
    from skysort.registry.live import ModelVersion
    from skysort.star.body import StarRequest
    from skysort.star.classify import StarClassifier
    from skysort.star.model import StarModel
    from skysort_cli.answered_table import AnsweredTable
    from skysort_cli.classifiers import Classifier


def live_version(model: Classifier, environment: Mapping[str, str]) -> ModelVersion:
    """The live version of a model that was trained on this machine; raises UsageError."""
    from skysort_cli.local_registry import LocalRegistry  # noqa: PLC0415 - only for trained models

    try:
        return LocalRegistry(environment).live(model)
    except ProblemError as error:
        raise UsageError(error.detail) from error


class LocalModel:
    """A model in process."""

    # Its answer to a body of a content type; may raise SkysortError.
    _answer_body: Callable[[bytes, str], Any]

    def answer(self, body: bytes, content_type: str) -> PictureAnswer | StarAnswer:
        """The answer to one request; raises ProblemError."""
        try:
            answer: PictureAnswer | StarAnswer = self._answer_body(body, content_type)
        except SkysortError as error:
            raise ProblemError(problems.from_error(error)) from error
        return answer


class LocalPictures(LocalModel):
    """A picture model; `answer` is thread-safe.

    query: top_k, labels, explain, prior. Raises UsageError for invalid options, and MissingError.
    """

    def __init__(self, model: str, query: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
        folder = model_folder(model, environment)
        with loading(model):
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.pictures.bodies.body import read_body  # noqa: PLC0415
            from skysort.pictures.classify import PictureClassifier  # noqa: PLC0415
            from skysort.pictures.model import PictureModel  # noqa: PLC0415

            loaded = PictureModel.load(folder)
            parse_options(query, loaded.labels, loaded.subsets)
        classifier = PictureClassifier(loaded)
        self._answer_body = lambda body, content_type: classifier.answer(read_body(body, content_type), query)


class LocalCustom(LocalModel):
    """A trained picture model; `answer` is thread-safe. Options and errors as of LocalPictures."""

    def __init__(
        self, model: Classifier, query: Mapping[str, str], environment: Mapping[str, str] = os.environ
    ) -> None:
        with loading(model.spelled):
            from skysort.custom.model import CustomModel  # noqa: PLC0415
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.pictures.answering import PictureAnswers  # noqa: PLC0415
            from skysort.pictures.bodies.body import read_body  # noqa: PLC0415

            custom = CustomModel.load(live_version(model, environment), load_networks(environment))
            parse_options(query, custom.labels, no_prior=custom.no_prior)
        answers = PictureAnswers()
        self._answer_body = lambda body, content_type: answers.answer(custom, read_body(body, content_type), query)


class LocalStars(LocalModel):
    """A model of rows, for one thread, as it uses every core itself. Options and errors as of LocalPictures."""

    def __init__(
        self, model: Classifier, query: Mapping[str, str], environment: Mapping[str, str] = os.environ
    ) -> None:
        folder = None if model.trained else model_folder(model.spelled, environment)
        with loading(model.spelled):
            from skysort.cache import AnswerCache  # noqa: PLC0415
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.star.body import read_body  # noqa: PLC0415
            from skysort.star.classify import StarClassifier  # noqa: PLC0415
            from skysort.star.model import StarModel  # noqa: PLC0415
            from skysort.star.trained import load_model  # noqa: PLC0415
            from skysort_cli.answered_table import AnsweredTable  # noqa: PLC0415

            threads = os.cpu_count() or 1
            if folder is not None:
                self.model: StarModel = StarModel.load(folder, threads)
            else:
                self.model = load_model(live_version(model, environment), threads)
            parse_options(query, self.model.labels, no_prior=self.model.no_prior)
        # Of which a prior may be estimated, table by table.
        self.query: dict[str, object] = dict(query)
        self._classifier: StarClassifier = StarClassifier(self.model, AnswerCache(0))
        self._new_table: Callable[[], AnsweredTable] = lambda: AnsweredTable(self.model.domain)
        self._table = self._new_table()
        self._answer_body = lambda body, content_type: self.answer_rows(
            read_body(body, content_type, self.model.schema)
        )

    def answer_rows(self, request: StarRequest) -> StarAnswer:
        """The answer to the next rows of a table; raises SkysortError."""
        answer = self._classifier.answer(request, self.query)
        self._table.add(request, answer)
        return answer

    def judge(self) -> TableDomain | None:
        """How typical the table is whose rows were answered since the last call; None where that is not known."""
        table, self._table = self._table, self._new_table()
        return table.verdict()

    @property
    def prior(self) -> tuple[float, ...] | None:
        """The class shares of the query."""
        from skysort.options import parse_options  # noqa: PLC0415 - as in __init__

        return parse_options(self.query, self.model.labels, no_prior=self.model.no_prior).prior

    def use_prior(self, shares: Mapping[str, float]) -> None:
        """Answer by these class shares from now on."""
        self.query["prior"] = shares
