"""Files that the commands hand to each other, and how they are read and written."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from model_export.settings import ROOT
from model_export.star import data
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings

PACKAGE: Final = Path(__file__).resolve().parent
HYPERPARAMETERS: Final = PACKAGE / "hyperparameters.json"
ARTEFACT: Final = ROOT / "functions" / "star" / "model"
LIBRARIES: Final = ("numpy", "xgboost-cpu", "pandas", "scikit-learn", "scipy", "optuna")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders and the table of one command.

    build: work files (boosters, search journal, report). results: small figures that are committed.
    hyperparameters: the file that tune writes and train reads. table: None for the one in the data folder.
    """

    build: Path
    results: Path
    hyperparameters: Path
    table: Path | None
    settings: Settings

    @classmethod
    def of(cls, options: argparse.Namespace, settings: Settings) -> Workspace:
        """Make the folders that the options and the settings name."""
        build = options.build or settings.build / "star"
        results = options.results or PACKAGE / "results"
        for folder in (build, results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigurationError(f"cannot make the folder {folder}: {problem.strerror}") from problem
        return cls(build, results, options.hyperparameters or HYPERPARAMETERS, options.data, settings)

    def dataset(self) -> data.Dataset:
        """The survey table, checked."""
        return data.load(self.table or data.find(self.settings.data))


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whose bytes depend on the value alone; NaN is refused."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read what an earlier command wrote; a ConfigurationError names the command that makes it."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there; run `python -m model_export star {made_by}` first") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path} is damaged ({problem}); run `{made_by}` again") from problem
    return value


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def libraries() -> dict[str, str]:
    """Versions of what decides the bytes of an artefact."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
