"""Where the models are: named by a setting, beside this package once installed, or in a checkout's functions/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort_cli.exits import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS: Final = ("galaxy", "image", "star")
_HERE: Final = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The project's folder where the command runs from one, None where it was installed without it."""
    root = _HERE.parents[1]
    return root if (root / "functions").is_dir() and (root / "infra").is_dir() else None


def setting(model: str) -> str:
    """The variable that names a model's folder; the functions read the same one."""
    return f"SKYSORT_{model.upper()}_MODEL"


def model_folder(model: str, environment: Mapping[str, str]) -> Path:
    """The folder with a model's card and files; raises MissingError, and UsageError for a setting that names none."""
    named = environment.get(setting(model), "")
    if named:
        if not (Path(named) / "card.json").is_file():
            raise UsageError(f"{setting(model)} must name a folder with a card.json, and {named} is none")
        return Path(named)
    root = checkout()
    places = [_HERE / "models" / model, *([root / "functions" / model / "model"] if root else [])]
    for place in places:
        if (place / "card.json").is_file():
            return place
    raise MissingError(
        f"the {model} model is not on this machine; give --endpoint URL, or name its folder in {setting(model)}"
    )
