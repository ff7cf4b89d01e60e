"""The functions' own code on this machine: the same bodies and the same answers as over HTTP, without HTTP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skysort import problems
from skysort.errors import ArtefactError, InvalidFieldsError, SkysortError
from skysort_cli.exits import MissingError, ProblemError, UsageError
from skysort_cli.model_files import model_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.pictures.classify import PictureClassifier
    from skysort.star.classify import StarClassifier
    from skysort.star.model import StarModel

INSTALL = "pip install '.[models]' in the project's folder"


class LocalPictures:
    """A picture model in this process; `answer` may run in several threads.

    query: top_k, labels, explain. Raises UsageError for options that the model does not take, MissingError.
    """

    def __init__(self, model: str, query: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
        folder = model_folder(model, environment)
        try:
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.pictures.bodies.body import read_body  # noqa: PLC0415
            from skysort.pictures.classify import PictureClassifier  # noqa: PLC0415
            from skysort.pictures.model import PictureModel  # noqa: PLC0415
        except ImportError as error:
            raise missing(model, error) from error
        try:
            loaded = PictureModel.load(folder)
            parse_options(query, loaded.labels, loaded.subsets)
        except ArtefactError as error:
            raise MissingError(error.detail) from error
        except InvalidFieldsError as error:
            raise UsageError(error.detail) from error
        self._read_body = read_body
        self._classifier: PictureClassifier = PictureClassifier(loaded)
        self._query = dict(query)

    def answer(self, body: bytes, content_type: str) -> dict[str, Any]:
        """The answer to one request; raises ProblemError."""
        try:
            return self._classifier.answer(self._read_body(body, content_type), self._query)
        except SkysortError as error:
            raise ProblemError(problems.from_error(error)) from error


class LocalStars:
    """The star model in this process, for one thread: it uses every core itself."""

    def __init__(self, query: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
        folder = model_folder("star", environment)
        try:
            from skysort.cache import AnswerCache  # noqa: PLC0415
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.star.body import read_body  # noqa: PLC0415
            from skysort.star.classify import StarClassifier  # noqa: PLC0415
            from skysort.star.model import StarModel  # noqa: PLC0415
        except ImportError as error:
            raise missing("star", error) from error
        try:
            self.model: StarModel = StarModel.load(folder, os.cpu_count() or 1)
            parse_options(query, self.model.labels)
        except ArtefactError as error:
            raise MissingError(error.detail) from error
        except InvalidFieldsError as error:
            raise UsageError(error.detail) from error
        self._read_body = read_body
        self.classifier: StarClassifier = StarClassifier(self.model, AnswerCache(0))
        self.query = dict(query)

    def answer(self, body: bytes, content_type: str) -> dict[str, Any]:
        """The answer to one request; raises ProblemError."""
        try:
            return self.classifier.answer(self._read_body(body, content_type), self.query)
        except SkysortError as error:
            raise ProblemError(problems.from_error(error)) from error


def missing(what: str, error: ImportError) -> MissingError:
    """The sentence for a package that is not installed."""
    return MissingError(
        f"classifying {what} without a service needs the package {error.name}: {INSTALL}, or give --endpoint URL"
    )
