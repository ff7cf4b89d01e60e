"""The folders and files of the image commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from model_export.common import files

if TYPE_CHECKING:
    from pathlib import Path

LIBRARIES: Final = ("numpy", "torch", "onnx", "onnxruntime", "pillow")
WEIGHTS: Final = "weights.json"
TRAINING: Final = "training.json"
# The figures of each network: base (as published) and tuned.
EVALUATIONS: Final = {"base": "evaluation.json", "tuned": "evaluation_tuned.json"}
EXPORT: Final = "export.json"


@dataclass(frozen=True)
class Workspace(files.Workspace):
    """The folders of one command; build: networks, downloads."""

    model = "image"

    def network(self, name: str) -> Path:
        """Where a command leaves a network: base (public weights) or tuned."""
        return self.build / f"{name}.pt"
