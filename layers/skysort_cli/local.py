"""Models on this machine, run by the functions' own code, with the same answers as over HTTP.

A model's folder is named by a setting, or is in the installed package or in a checkout's functions/.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.errors import ArtefactError, InvalidFieldsError, SkysortError
from skysort.models import MODELS
from skysort_cli.exits import MissingError, ProblemError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from skysort.answers import PictureAnswer, StarAnswer
    from skysort.star.classify import StarClassifier
    from skysort.star.model import StarModel
    from skysort_cli.classifiers import Classifier

INSTALL: Final = "pip install '.[models]' in the project's folder"
FOLDER: Final = "SKYSORT_MODELS_FOLDER"
_PACKAGE: Final = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The project's folder if the command runs from a clone, None if it was installed by pip."""
    root = _PACKAGE.parents[1]
    return root if (root / "functions").is_dir() and (root / "infra").is_dir() else None


def model_folder(model: str, environment: Mapping[str, str]) -> Path:
    """The folder with a model's card and files; MissingError without one, UsageError for an invalid setting."""
    entry = MODELS[model]
    setting = entry.folder_setting
    if folder := environment.get(setting, ""):
        if not (Path(folder) / "card.json").is_file():
            raise UsageError(f"{setting}: {folder} is not a directory with a card.json")
        return Path(folder)
    root = checkout()
    for candidate in [_PACKAGE / "models" / model, *([root / entry.folder / "model"] if root else [])]:
        if (candidate / "card.json").is_file():
            return candidate
    raise MissingError(
        f"the {model} model is not on this machine; give --endpoint URL, or set {setting} to its directory"
    )


def models_folder(environment: Mapping[str, str]) -> Path:
    """Where trained models are kept: SKYSORT_MODELS_FOLDER, else the user's data (XDG Base Directory Specification)."""
    if setting := environment.get(FOLDER, "").strip():
        return Path(setting).expanduser()
    data = Path(environment.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else Path.home() / ".local" / "share") / "skysort" / "models"


def missing_package(subject: str, error: ImportError, doing: str = "classifying") -> MissingError:
    """The error for a package that is not installed."""
    return MissingError(
        f"{doing} {subject} without a service needs the package {error.name}: {INSTALL}, or give --endpoint URL"
    )


@contextlib.contextmanager
def loading(model: str) -> Iterator[None]:
    """Turn errors of loading a model and parsing its options into errors of the command line."""
    try:
        yield
    except ImportError as error:
        raise missing_package(model, error) from error
    except ArtefactError as error:
        raise MissingError(error.detail) from error
    except InvalidFieldsError as error:
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

    query: top_k, labels, explain. Raises UsageError for invalid options, and MissingError.
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


class LocalStars(LocalModel):
    """A model of rows, for one thread, as it uses every core itself. Options and errors as of LocalPictures."""

    def __init__(
        self, model: Classifier, query: Mapping[str, str], environment: Mapping[str, str] = os.environ
    ) -> None:
        folder = model_folder(model.spelled, environment)
        with loading(model.spelled):
            from skysort.cache import AnswerCache  # noqa: PLC0415
            from skysort.options import parse_options  # noqa: PLC0415
            from skysort.star.body import read_body  # noqa: PLC0415
            from skysort.star.classify import StarClassifier  # noqa: PLC0415
            from skysort.star.model import StarModel  # noqa: PLC0415

            threads = os.cpu_count() or 1
            self.model: StarModel = StarModel.load(folder, threads)
            parse_options(query, self.model.labels)
        self.query = query
        self.classifier: StarClassifier = StarClassifier(self.model, AnswerCache(0))
        self._answer_body = lambda body, content_type: self.classifier.answer(
            read_body(body, content_type, self.model.schema), query
        )
