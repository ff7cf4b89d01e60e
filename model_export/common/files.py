"""Where training finds its data and leaves its work, and how the files between commands are read and written."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

ROOT: Final = Path(__file__).resolve().parents[2]
DATA_VARIABLE: Final = "SKYSORT_DATA"


def data_folder() -> Path:
    """The survey data: SKYSORT_DATA, default ../shared/data beside the repository; raises ConfigurationError."""
    chosen = os.environ.get(DATA_VARIABLE, "")
    if chosen and not Path(chosen).is_dir():
        raise ConfigurationError(f"{DATA_VARIABLE} must name a folder; {chosen!r} is not a directory")
    return Path(chosen) if chosen else ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Workspace:
    """The folders of one command.

    data: the survey data. build: work files. results: small figures that are committed.
    """

    model: ClassVar[str]
    data: Path
    build: Path
    results: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """Make the folders that the options name; raises ConfigurationError."""
        build = options.build or ROOT / "build" / cls.model
        results = options.results or ROOT / "model_export" / cls.model / "results"
        make_folders(build, results)
        return cls(options.data or data_folder(), build, results)


def artefact(model: str) -> Path:
    """The folder of the artefact that ships."""
    return ROOT / "functions" / model / "model"


def make_folders(*folders: Path) -> None:
    """Create missing folders; a ConfigurationError names a folder that cannot be created."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ConfigurationError(f"cannot create the folder {folder}: {problem.strerror}") from problem


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whose bytes depend on the value alone; NaN is refused."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read what an earlier command wrote; a ConfigurationError names that command, such as "star train"."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; run `python -m model_export {made_by}` first") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path} is damaged ({problem}); run `{made_by}` again") from problem
    return value


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and the packages on which the bytes of an artefact depend."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
