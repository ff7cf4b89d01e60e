"""Folders and files shared by the galaxy commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common import files
from model_export.galaxy import catalogue, split
from model_export.galaxy.catalogue import LOCAL
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue

FILE: Final = "galaxy.onnx"
GZ2_CROPS: Final = "gz2.npy"
EFIGI_CROPS: Final = "efigi.npy"
GZ1_CROPS: Final = "gz1.npy"
UNLABELLED_CROPS: Final = "unlabelled.npy"
VALIDATION: Final = "validation.json"
COMPARISON: Final = "comparison.json"
LONGER: Final = "longer.json"
ABLATION: Final = "ablation.json"
FORMATS: Final = "forms.json"
COARSE: Final = "coarse.json"
EVALUATION: Final = "evaluation.json"


@dataclass(frozen=True)
class Workspace(files.Workspace):
    """The folders of a command.

    build: crops and runs. results: committed for the set LOCAL. survey: the set of pictures (see catalogue.py).
    public: folder of a downloaded public set.
    """

    model = "galaxy"
    survey: str = LOCAL
    public: Path | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Workspace:
        """Create the folders named by the options; a public set has its own below the build folder."""
        survey = getattr(options, "survey", LOCAL)
        base = super().of(options)
        public = getattr(options, "public", None) or base.build / "public" / survey
        if survey == LOCAL:
            return replace(base, survey=survey, public=public)
        build = base.build / survey
        workspace = replace(
            base, survey=survey, public=public, build=build, results=options.results or build / "results"
        )
        files.make_folders(workspace.build, workspace.results)
        return workspace

    def run(self, name: str) -> Path:
        """The folder of a training run."""
        return self.build / "runs" / name

    def catalogues(self) -> tuple[Catalogue, Catalogue]:
        """The pictures that are split, and EFIGI's, which only train."""
        return catalogue.catalogues(self.survey, self.data, self.public)

    def crops(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The decoded pictures of both catalogues; a ConfigurationError names the command that decodes them."""
        try:
            gz2, efigi = (np.load(self.build / name, mmap_mode="r") for name in (GZ2_CROPS, EFIGI_CROPS))
        except OSError as problem:
            option = "" if self.survey == LOCAL else f" --set {self.survey}"
            raise ConfigurationError(
                f"{problem.filename} is missing; run `python -m model_export galaxy data{option}` first"
            ) from problem
        return gz2, efigi

    @property
    def lists(self) -> Path:
        """The folder of the split's lists, committed for the set LOCAL."""
        return split.FOLDER if self.survey == LOCAL else self.build / "splits"

    def split(self) -> split.Split:
        """The lists of the split."""
        return split.load(self.lists)
