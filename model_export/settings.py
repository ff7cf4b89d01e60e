"""Where training finds its data and leaves its work files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
DATA_VARIABLE: Final = "SKYSORT_DATA"


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders of a training run.

    data: the survey data (SKYSORT_DATA, default ../shared/data beside the repository).
    build: work files, one folder a model; ignored by git.
    """

    data: Path
    build: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings once; a ConfigurationError says which one is wrong."""
        chosen = environment.get(DATA_VARIABLE, "")
        data = Path(chosen) if chosen else ROOT.parent / "shared" / "data"
        if chosen and not data.is_dir():
            raise ConfigurationError(f"{DATA_VARIABLE} is {chosen!r}, which is not a folder")
        return cls(data=data, build=ROOT / "build")
