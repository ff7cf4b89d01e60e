"""Settings of a picture function: read once at start from the environment, typed, and refused with a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort import limits
from skysort.clients import Sharing
from skysort.settings import MEMORY_PER_CPU_MB, folder, integer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DROP_BUCKET = "SKYSORT_DROP_BUCKET"


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """Settings of a picture function.

    model_folder: the folder with card.json; the setting's name is the model's own (SKYSORT_GALAXY_MODEL).
    threads: SKYSORT_THREADS, cores a prediction may use; by default what Lambda gives for the memory.
    cache_entries: SKYSORT_CACHE_ENTRIES, answers kept; 0 switches the cache off.
    drop_bucket: SKYSORT_DROP_BUCKET, the bucket that an s3_key is read from; None refuses every s3_key.
    clients: SKYSORT_CLIENTS, whether an s3_key may name any client's file or the asking one's alone, as by default.
    """

    model_folder: Path
    threads: int
    cache_entries: int
    drop_bucket: str | None
    clients: Sharing

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], model: str, function_folder: Path) -> PictureSettings:
        """Read the settings; raises ConfigurationError."""
        memory = integer(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_PER_CPU_MB, 128, 10_240)
        return cls(
            model_folder=folder(environment, f"SKYSORT_{model.upper()}_MODEL", function_folder / "model"),
            threads=integer(environment, "SKYSORT_THREADS", max(1, memory // MEMORY_PER_CPU_MB), 1, 64),
            cache_entries=integer(environment, "SKYSORT_CACHE_ENTRIES", limits.CACHE_ENTRIES, 0, 1_000_000),
            drop_bucket=environment.get(DROP_BUCKET, "").strip() or None,
            clients=Sharing.from_environment(environment),
        )
