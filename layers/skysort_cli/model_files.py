"""Where the models are: named by a setting, beside this package once installed, or in a checkout's functions/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.models import MODELS
from skysort_cli.exits import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE: Final = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The project's folder where the command runs from one, None where it was installed without it."""
    root = _HERE.parents[1]
    return root if (root / "functions").is_dir() and (root / "infra").is_dir() else None


def model_folder(model: str, environment: Mapping[str, str]) -> Path:
    """The folder with a model's card and files; raises MissingError, and UsageError for a setting that names none."""
    entry = MODELS[model]
    setting = entry.folder_setting
    named = environment.get(setting, "")
    if named:
        if not (Path(named) / "card.json").is_file():
            raise UsageError(f"{setting} must name a folder with a card.json, which {named} is not")
        return Path(named)
    root = checkout()
    places = [_HERE / "models" / model, *([root / entry.folder / "model"] if root else [])]
    for place in places:
        if (place / "card.json").is_file():
            return place
    raise MissingError(
        f"the {model} model is not on this machine; give --endpoint URL, or name its folder in {setting}"
    )
