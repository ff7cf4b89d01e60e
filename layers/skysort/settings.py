"""Settings of the HTTP functions: read once at start from the environment, typed, and refused with a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skysort import limits
from skysort.clients import Sharing
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

# One vCPU for every 1,769 MB (AWS Lambda: "Configure Lambda function memory").
MEMORY_PER_CPU_MB = 1_769


def integer(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Read a whole number from low to high; ConfigurationError names the setting and the range."""
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}, got {text!r}")
    return value


def folder(environment: Mapping[str, str], name: str, default: Path) -> Path:
    """Read a folder that has to exist; ConfigurationError names the setting and the path."""
    path = Path(environment.get(name) or default)
    if not path.is_dir():
        raise ConfigurationError(f"{name} must name a folder, and {path} is none")
    return path


@dataclass(frozen=True, slots=True)
class StarSettings:
    """Settings of the star function.

    model_folder: SKYSORT_STAR_MODEL, the folder with card.json and its boosters.
    threads: SKYSORT_THREADS, cores a prediction may use; by default what Lambda gives for the memory.
    cache_entries: SKYSORT_CACHE_ENTRIES, answers kept; 0 switches the cache off.
    """

    model_folder: Path
    threads: int
    cache_entries: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> StarSettings:
        """Read the settings; raises ConfigurationError."""
        memory = integer(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_PER_CPU_MB, 128, 10_240)
        return cls(
            model_folder=folder(environment, "SKYSORT_STAR_MODEL", function_folder / "model"),
            threads=integer(environment, "SKYSORT_THREADS", max(1, memory // MEMORY_PER_CPU_MB), 1, 64),
            cache_entries=integer(environment, "SKYSORT_CACHE_ENTRIES", limits.CACHE_ENTRIES, 0, 1_000_000),
        )


def bucket(environment: Mapping[str, str], name: str, purpose: str) -> str:
    """Read a bucket's name; ConfigurationError names the setting."""
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} must name the bucket that {purpose}; it is not set")
    return value


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Settings of the control function.

    cards_folder: SKYSORT_CARDS, the folder with <model>/model/card.json for every model.
    drop_bucket: SKYSORT_DROP_BUCKET, where uploads go. results_bucket: SKYSORT_RESULTS_BUCKET, where results are.
    clients: SKYSORT_CLIENTS, whether clients share batches or have their own; separate by default.
    """

    cards_folder: Path
    drop_bucket: str
    results_bucket: str
    clients: Sharing

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> ControlSettings:
        """Read the settings; raises ConfigurationError."""
        return cls(
            cards_folder=folder(environment, "SKYSORT_CARDS", function_folder.parent),
            drop_bucket=bucket(environment, "SKYSORT_DROP_BUCKET", "files are dropped into"),
            results_bucket=bucket(environment, "SKYSORT_RESULTS_BUCKET", "results are in"),
            clients=Sharing.from_environment(environment),
        )
