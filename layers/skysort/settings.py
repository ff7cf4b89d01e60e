"""Settings of the functions, read once at start: the names and valid values of their environment variables.

infra/stages/environment.py sets the variables by these names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from skysort import limits
from skysort.clients import Sharing
from skysort.errors import ConfigurationError
from skysort.models import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE: Final = "SKYSORT_STAGE"
CLIENTS: Final = "SKYSORT_CLIENTS"
DROP_BUCKET: Final = "SKYSORT_DROP_BUCKET"
RESULTS_BUCKET: Final = "SKYSORT_RESULTS_BUCKET"
MODELS_BUCKET: Final = "SKYSORT_MODELS_BUCKET"
BULK_SOURCES: Final = "SKYSORT_BULK_SOURCES"
BULK_CONCURRENCY: Final = "SKYSORT_BULK_CONCURRENCY"
GLUE_DATABASE: Final = "SKYSORT_GLUE_DATABASE"
PRICES: Final = "SKYSORT_PRICES"
CARDS: Final = "SKYSORT_CARDS"
THREADS: Final = "SKYSORT_THREADS"
CACHE_ENTRIES: Final = "SKYSORT_CACHE_ENTRIES"
NEW_VERSIONS: Final = "SKYSORT_NEW_VERSIONS"
PAGE_ORIGINS: Final = "SKYSORT_PAGE_ORIGINS"
BASE_PATH: Final = "SKYSORT_BASE_PATH"
STOP_POLICY: Final = "SKYSORT_STOP_POLICY"
STOP_ROLES: Final = "SKYSORT_STOP_ROLES"
# Read by Powertools itself.
SERVICE_NAME: Final = "POWERTOOLS_SERVICE_NAME"
METRICS_NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"
LOG_LEVEL: Final = "POWERTOOLS_LOG_LEVEL"
# Read by numpy's OpenBLAS.
BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"
# Set by Lambda itself.
MEMORY: Final = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
# A bucket's name and the beginning of keys in it, which may be empty.
BULK_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?\x00-\x1f]{0,1000}")
# Of a page, and the path of a custom domain below which an API lies.
ORIGIN: Final = re.compile(r"https?://[\w.-]+(:\d+)?")
PATH_BELOW_DOMAIN: Final = re.compile(r"[A-Za-z0-9_.~-]{1,100}")
_IMAGE_NETWORKS: Final = Path("/var/task/networks")
# One vCPU for every 1,769 MB (AWS Lambda: "Configure Lambda function memory").
MEMORY_MB_PER_VCPU: Final = 1_769


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of every HTTP function.

    page_origins: pages at other origins that may call the API and read its answers.
    base_path: of the custom domain, with a slash before it; API Gateway leaves it in the paths of its events.
    """

    page_origins: tuple[str, ...] = ()
    base_path: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; raises ConfigurationError."""
        base = _text(environment, BASE_PATH)
        if base and not PATH_BELOW_DOMAIN.fullmatch(base):
            raise ConfigurationError(f"{BASE_PATH} must be one part of a path, without slashes, got {base!r:.120}")
        return cls(_origins(environment), f"/{base}" if base else None)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Settings of a model's HTTP function.

    model_folder: the folder with card.json; the variable's name is the model's own (SKYSORT_STAR_MODEL).
    threads: cores for a prediction; by default as many as Lambda assigns for the memory.
    cache_entries: answers kept; 0 switches the cache off.
    drop_bucket: the bucket of s3_key; None rejects every s3_key.
    clients: whether an s3_key may name any client's file, or only the caller's own, the default.
    models_bucket: where trained models are; None for none.
    """

    model_folder: Path
    threads: int
    cache_entries: int
    drop_bucket: str | None
    clients: Sharing
    models_bucket: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], model: str, function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        memory = _integer(environment, MEMORY, MEMORY_MB_PER_VCPU, 128, 10_240)
        return cls(
            model_folder=_model_folder(environment, model, function_folder),
            threads=_integer(environment, THREADS, max(1, memory // MEMORY_MB_PER_VCPU), 1, 64),
            cache_entries=_integer(environment, CACHE_ENTRIES, limits.CACHE_ENTRIES, 0, 1_000_000),
            drop_bucket=_text(environment, DROP_BUCKET) or None,
            clients=_sharing(environment),
            models_bucket=_text(environment, MODELS_BUCKET) or None,
        )


@dataclass(frozen=True, slots=True)
class DropSettings:
    """Settings of a drop handler.

    results_bucket: where results go; never the drop bucket, which would create a loop.
    model_folder, models_bucket, clients: as in ModelSettings. threads: cores for a prediction.
    """

    results_bucket: str
    model_folder: Path
    threads: int
    models_bucket: str | None = None
    clients: Sharing = Sharing.SEPARATE

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], model: str, function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        return cls(
            results_bucket=_bucket(environment, RESULTS_BUCKET, "results go to"),
            model_folder=_model_folder(environment, model, function_folder),
            threads=_integer(environment, THREADS, 1, 1, 64),
            models_bucket=_text(environment, MODELS_BUCKET) or None,
            clients=_sharing(environment),
        )


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The folders of the two shipped networks, whose features trained picture models read, and cores for them."""

    galaxy_folder: Path
    image_folder: Path
    threads: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        memory = _integer(environment, MEMORY, MEMORY_MB_PER_VCPU, 128, 10_240)
        galaxy, image = (
            _folder(environment, f"SKYSORT_{name.upper()}_MODEL", _network_folder(function_folder, name))
            for name in NETWORKS
        )
        return cls(galaxy, image, _integer(environment, THREADS, max(1, memory // MEMORY_MB_PER_VCPU), 1, 64))


@dataclass(frozen=True, slots=True)
class CustomSettings:
    """Settings of the HTTP function of trained picture models.

    models_bucket: where the models are. networks: see NetworkSettings.
    cache_entries, drop_bucket, clients: as in ModelSettings.
    """

    models_bucket: str
    networks: NetworkSettings
    cache_entries: int
    drop_bucket: str | None
    clients: Sharing

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        return cls(
            models_bucket=_models_bucket(environment),
            networks=NetworkSettings.from_environment(environment, function_folder),
            cache_entries=_integer(environment, CACHE_ENTRIES, limits.CACHE_ENTRIES, 0, 1_000_000),
            drop_bucket=_text(environment, DROP_BUCKET) or None,
            clients=_sharing(environment),
        )


@dataclass(frozen=True, slots=True)
class CustomDropSettings:
    """Settings of the drop handler of trained picture models; see CustomSettings and DropSettings."""

    results_bucket: str
    models_bucket: str
    networks: NetworkSettings
    clients: Sharing

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        return cls(
            results_bucket=_bucket(environment, RESULTS_BUCKET, "results go to"),
            models_bucket=_models_bucket(environment),
            networks=NetworkSettings.from_environment(environment, function_folder),
            clients=_sharing(environment),
        )


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings of a function that trains. drop_bucket: where examples are. models_bucket: where models go."""

    drop_bucket: str
    models_bucket: str
    threads: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; raises ConfigurationError."""
        memory = _integer(environment, MEMORY, MEMORY_MB_PER_VCPU, 128, 10_240)
        return cls(
            drop_bucket=_bucket(environment, DROP_BUCKET, "examples are dropped into"),
            models_bucket=_models_bucket(environment),
            threads=_integer(environment, THREADS, max(1, memory // MEMORY_MB_PER_VCPU), 1, 64),
        )


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Settings of the control function.

    cards_folder: the folder with <model>/model/card.json for every model.
    drop_bucket: where uploads go. results_bucket: where results are.
    models_bucket: where trainings and trained models are.
    clients: whether clients share batches or have their own; separate by default.
    bulk_sources, glue_database: as in BulkSettings.
    """

    cards_folder: Path
    drop_bucket: str
    results_bucket: str
    models_bucket: str
    clients: Sharing
    bulk_sources: tuple[str, ...] = ()
    glue_database: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        return cls(
            cards_folder=_folder(environment, CARDS, function_folder.parent),
            drop_bucket=_bucket(environment, DROP_BUCKET, "files are dropped into"),
            results_bucket=_bucket(environment, RESULTS_BUCKET, "results are in"),
            models_bucket=_models_bucket(environment),
            clients=_sharing(environment),
            bulk_sources=_sources(environment),
            glue_database=_text(environment, GLUE_DATABASE) or None,
        )


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """Settings of the functions of bulk jobs: that which plans, prices and finishes, and those that classify parts.

    drop_bucket: where sources are, beside those of sources. results_bucket: where jobs and their results are.
    sources: "bucket/prefix" of objects elsewhere that a job may read.
    clients: whether clients share what is dropped, or see only their own.
    models_bucket: where trained models are; None for a function that serves none.
    memory_mb: of the function. threads: cores for a prediction.
    concurrency: parts of a job at once, by function; only what plans is told.
    glue_database: where tables of results are registered; None for none.
    prices: a JSON document of prices that replaces the list prices (skysort.prices); None for those.
    """

    drop_bucket: str
    results_bucket: str
    sources: tuple[str, ...]
    clients: Sharing
    models_bucket: str | None
    memory_mb: int
    threads: int
    concurrency: Mapping[str, int]
    glue_database: str | None
    prices: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; raises ConfigurationError."""
        memory = _integer(environment, MEMORY, MEMORY_MB_PER_VCPU, 128, 10_240)
        return cls(
            drop_bucket=_bucket(environment, DROP_BUCKET, "files are dropped into"),
            results_bucket=_bucket(environment, RESULTS_BUCKET, "results go to"),
            sources=_sources(environment),
            clients=_sharing(environment),
            models_bucket=_text(environment, MODELS_BUCKET) or None,
            memory_mb=memory,
            threads=_integer(environment, THREADS, max(1, memory // MEMORY_MB_PER_VCPU), 1, 64),
            concurrency=_concurrency(environment),
            glue_database=_text(environment, GLUE_DATABASE) or None,
            prices=_text(environment, PRICES) or None,
        )


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Settings of the release hook.

    cards_folder: as in ControlSettings. versions: the ARNs of new versions that CodeDeploy deploys, by function.
    """

    cards_folder: Path
    versions: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], function_folder: Path) -> Self:
        """Read the settings; raises ConfigurationError."""
        versions = _document(environment, NEW_VERSIONS) if environment.get(NEW_VERSIONS) else {}
        if not isinstance(versions, dict):
            raise ConfigurationError(f"{NEW_VERSIONS} must be a JSON object of version ARNs by function")
        return cls(_folder(environment, CARDS, function_folder.parent), versions)


@dataclass(frozen=True, slots=True)
class BrakeSettings:
    """Settings of the flood brake. policy: ARN of the stop policy. roles: names of the roles to stop."""

    policy: str
    roles: tuple[str, ...]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; raises ConfigurationError."""
        policy, roles = environment.get(STOP_POLICY, ""), _document(environment, STOP_ROLES)
        if not policy or not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
            raise ConfigurationError(
                f"{STOP_POLICY} must be the ARN of a policy, and {STOP_ROLES} a JSON list of role names"
            )
        return cls(policy, tuple(roles))


def _text(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _integer(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = _text(environment, name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}, got {text!r}")
    return value


def _folder(environment: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(environment.get(name) or default)
    if not path.is_dir():
        raise ConfigurationError(f"{name}: {path} is not a directory")
    return path


def _model_folder(environment: Mapping[str, str], model: str, function_folder: Path) -> Path:
    return _folder(environment, f"SKYSORT_{model.upper()}_MODEL", function_folder / "model")


def _bucket(environment: Mapping[str, str], name: str, purpose: str) -> str:
    value = _text(environment, name)
    if not value:
        raise ConfigurationError(f"{name} must name the bucket that {purpose}; it is not set")
    return value


def _models_bucket(environment: Mapping[str, str]) -> str:
    return _bucket(environment, MODELS_BUCKET, "trained models are in")


def _network_folder(function_folder: Path, name: str) -> Path:
    """A shipped network's folder: in the image, else the checkout's."""
    in_image = _IMAGE_NETWORKS / name
    return in_image if in_image.is_dir() else function_folder.parent / name / "model"


def _sharing(environment: Mapping[str, str]) -> Sharing:
    text = _text(environment, CLIENTS) or Sharing.SEPARATE
    try:
        return Sharing(text)
    except ValueError:
        raise ConfigurationError(f"{CLIENTS} must be {' or '.join(Sharing)}, got {text!r:.60}") from None


def _sources(environment: Mapping[str, str]) -> tuple[str, ...]:
    found = _document(environment, BULK_SOURCES) if _text(environment, BULK_SOURCES) else []
    if not isinstance(found, list) or not all(isinstance(each, str) and BULK_SOURCE.fullmatch(each) for each in found):
        raise ConfigurationError(f'{BULK_SOURCES} must be a JSON list of bucket/prefix, such as ["survey-data/dr9/"]')
    return tuple(found)


def _origins(environment: Mapping[str, str]) -> tuple[str, ...]:
    found = _document(environment, PAGE_ORIGINS) if _text(environment, PAGE_ORIGINS) else []
    if not isinstance(found, list) or not all(isinstance(each, str) and ORIGIN.fullmatch(each) for each in found):
        raise ConfigurationError(f'{PAGE_ORIGINS} must be a JSON list of origins, such as ["https://sky.example.org"]')
    return tuple(found)


def _concurrency(environment: Mapping[str, str]) -> Mapping[str, int]:
    found = _document(environment, BULK_CONCURRENCY) if _text(environment, BULK_CONCURRENCY) else {}
    if not isinstance(found, dict) or not all(isinstance(each, int) and each >= 1 for each in found.values()):
        raise ConfigurationError(f"{BULK_CONCURRENCY} must be a JSON object of whole numbers from 1 by function")
    return found


def _document(environment: Mapping[str, str], name: str) -> object:
    """Parse a JSON document; None for text that is not JSON."""
    try:
        return json.loads(environment.get(name, ""))
    except ValueError:
        return None
