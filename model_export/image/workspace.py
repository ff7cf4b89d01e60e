"""Where the image commands leave their work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model_export.common.files import make_folders, versions
from model_export.settings import ROOT

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings

PACKAGE: Final = Path(__file__).resolve().parent
ARTEFACT: Final = ROOT / "functions" / "image" / "model"
LIBRARIES: Final = ("numpy", "torch", "onnx", "onnxruntime", "pillow")
WEIGHTS: Final = "weights.json"
TRAINING: Final = "training.json"
# The figures of each network: base (as published) and tuned.
EVALUATIONS: Final = {"base": "evaluation.json", "tuned": "evaluation_tuned.json"}
EXPORT: Final = "export.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one command.

    data: the data folder. build: work files (networks, downloads). results: small figures that are committed.
    """

    data: Path
    build: Path
    results: Path

    @classmethod
    def of(cls, options: argparse.Namespace, settings: Settings) -> Workspace:
        """Make the folders that the options and the settings name."""
        build = options.build or settings.build / "image"
        results = options.results or PACKAGE / "results"
        make_folders(build, results)
        return cls(options.data or settings.data, build, results)

    def network(self, name: str) -> Path:
        """Where a command leaves a network: base (public weights) or tuned."""
        return self.build / f"{name}.pt"


def libraries() -> dict[str, str]:
    """Versions of what decides the bytes of an artefact."""
    return versions(LIBRARIES)
