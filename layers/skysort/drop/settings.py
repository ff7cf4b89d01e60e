"""Settings of a drop handler: read once at start from the environment, typed, and refused with a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort.errors import ConfigurationError
from skysort.settings import folder, integer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RESULTS_BUCKET = "SKYSORT_RESULTS_BUCKET"


@dataclass(frozen=True, slots=True)
class DropSettings:
    """Settings of a drop handler.

    results_bucket: SKYSORT_RESULTS_BUCKET, where results go; never the drop bucket, or a loop could form.
    model_folder: the folder with card.json; the setting's name is the model's own (SKYSORT_STAR_MODEL).
    threads: SKYSORT_THREADS, cores that a prediction may use.
    """

    results_bucket: str
    model_folder: Path
    threads: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], model: str, function_folder: Path) -> DropSettings:
        """Read the settings; raises ConfigurationError."""
        bucket = environment.get(RESULTS_BUCKET, "").strip()
        if not bucket:
            raise ConfigurationError(f"{RESULTS_BUCKET} must name the bucket that results go to; it is not set")
        return cls(
            results_bucket=bucket,
            model_folder=folder(environment, f"SKYSORT_{model.upper()}_MODEL", function_folder / "model"),
            threads=integer(environment, "SKYSORT_THREADS", 1, 1, 64),
        )
