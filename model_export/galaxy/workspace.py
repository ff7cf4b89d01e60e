"""Folders and files that the galaxy commands hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common.files import make_folders
from model_export.galaxy import split, surveys
from model_export.settings import ROOT
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue
    from model_export.settings import Settings

PACKAGE: Final = Path(__file__).resolve().parent
ARTEFACT: Final = ROOT / "functions" / "galaxy" / "model"
GZ2_CROPS: Final = "gz2.npy"
EFIGI_CROPS: Final = "efigi.npy"
VALIDATION: Final = "validation.json"
COMPARISON: Final = "comparison.json"
LONGER: Final = "longer.json"
ABLATION: Final = "ablation.json"
FORMS: Final = "forms.json"
EVALUATION: Final = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one command.

    data: the survey data. build: crops and runs. results: small figures; those of the set HERE are committed.
    survey: the set of pictures (surveys.py). public: where `download` puts it, unless it is HERE.
    """

    data: Path
    build: Path
    results: Path
    survey: str
    public: Path

    @classmethod
    def of(cls, options: argparse.Namespace, settings: Settings) -> Workspace:
        """Make the folders that the options and the settings name; a public set has its own below the build folder."""
        survey = getattr(options, "survey", surveys.HERE)
        whole = options.build or settings.build / "galaxy"
        build = whole if survey == surveys.HERE else whole / survey
        workspace = cls(
            options.data or settings.data,
            build,
            options.results or (PACKAGE if survey == surveys.HERE else build) / "results",
            survey,
            getattr(options, "public", None) or whole / "public" / survey,
        )
        make_folders(workspace.build, workspace.results)
        return workspace

    def run(self, name: str) -> Path:
        """The folder of a training run."""
        return self.build / "runs" / name

    def catalogues(self) -> tuple[Catalogue, Catalogue]:
        """The pictures that train, choose and test, and EFIGI's, which only train."""
        return surveys.catalogues(self.survey, self.data, self.public)

    def crops(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The decoded pictures of both; a ConfigurationError names the command that decodes them."""
        try:
            return (
                np.load(self.build / GZ2_CROPS, mmap_mode="r"),
                np.load(self.build / EFIGI_CROPS, mmap_mode="r"),
            )
        except OSError as problem:
            raise ConfigurationError(
                f"{problem.filename} is not there; run `python -m model_export galaxy data{self.option}` first"
            ) from problem

    @property
    def option(self) -> str:
        """What names the set on a command line."""
        return "" if self.survey == surveys.HERE else f" --set {self.survey}"

    @property
    def lists(self) -> Path:
        """The folder of the parts' lists: committed for the set HERE."""
        return split.FOLDER if self.survey == surveys.HERE else self.build / "splits"

    def split(self) -> split.Split:
        """The lists of the parts."""
        return split.load(self.lists)
