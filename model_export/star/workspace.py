"""Where the star commands leave their work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common.files import make_folders, versions
from model_export.settings import ROOT
from model_export.star import data

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
        make_folders(build, results)
        return cls(build, results, options.hyperparameters or HYPERPARAMETERS, options.data, settings)

    def dataset(self) -> data.Dataset:
        """The survey table, checked."""
        return data.load(self.table or data.find(self.settings.data))


def libraries() -> dict[str, str]:
    """Versions of what decides the bytes of an artefact."""
    return versions(LIBRARIES)
