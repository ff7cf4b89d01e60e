"""Where the models of this machine are, and how they are loaded.

A model's folder is named by a setting, or is in the installed package or in a checkout's functions/.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.errors import ArtefactError, InvalidFieldsError
from skysort.models import MODELS, NETWORKS
from skysort_cli.exits import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.custom.networks import Networks

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


def load_networks(environment: Mapping[str, str]) -> Networks:
    """Both shipped networks, each with one thread; raises MissingError."""
    galaxy, image = (model_folder(name, environment) for name in NETWORKS)
    with loading("pictures"):
        from skysort.custom.networks import Networks  # noqa: PLC0415 - needs its packages

        return Networks.load(galaxy, image)
