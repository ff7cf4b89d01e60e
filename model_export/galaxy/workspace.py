"""Folders and files that the galaxy commands hand to each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.galaxy import catalogue, split
from model_export.settings import ROOT
from model_export.star.workspace import write_json
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
EVALUATION: Final = "evaluation.json"

__all__ = ["Workspace", "read_json", "write_json"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one command.

    data: the survey data. build: crops and runs. results: small figures that are committed.
    """

    data: Path
    build: Path
    results: Path

    @classmethod
    def of(cls, options: argparse.Namespace, settings: Settings) -> Workspace:
        """Make the folders that the options and the settings name."""
        workspace = cls(
            options.data or settings.data,
            options.build or settings.build / "galaxy",
            options.results or PACKAGE / "results",
        )
        for folder in (workspace.build, workspace.results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigurationError(f"cannot make the folder {folder}: {problem.strerror}") from problem
        return workspace

    def run(self, name: str) -> Path:
        """The folder of a training run."""
        return self.build / "runs" / name

    def catalogues(self) -> tuple[Catalogue, Catalogue]:
        """Galaxy Zoo 2 and EFIGI."""
        return catalogue.load_gz2(self.data), catalogue.load_efigi(self.data)

    def crops(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The decoded pictures of both; a ConfigurationError names the command that decodes them."""
        try:
            return (
                np.load(self.build / GZ2_CROPS, mmap_mode="r"),
                np.load(self.build / EFIGI_CROPS, mmap_mode="r"),
            )
        except OSError as problem:
            raise ConfigurationError(
                f"{problem.filename} is not there; run `python -m model_export galaxy data` first"
            ) from problem

    def split(self) -> split.Split:
        """The committed lists."""
        return split.load()


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read what an earlier command wrote; a ConfigurationError names the command that makes it."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there; run `python -m model_export galaxy {made_by}` first") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path} is damaged ({problem}); run `{made_by}` again") from problem
    return value
