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
from skysort.errors import ConfigurationError

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
        for folder in (build, results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigurationError(f"cannot make the folder {folder}: {problem.strerror}") from problem
        return cls(options.data or settings.data, build, results)

    def network(self, name: str) -> Path:
        """Where a command leaves a network: base (public weights) or tuned."""
        return self.build / f"{name}.pt"


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whose bytes depend on the value alone; NaN is refused."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read what an earlier command wrote; a ConfigurationError names the command that makes it."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there; run `python -m model_export image {made_by}` first") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path} is damaged ({problem}); run `{made_by}` again") from problem
    return value


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def libraries() -> dict[str, str]:
    """Versions of what decides the bytes of an artefact."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
