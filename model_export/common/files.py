"""Files that training commands hand to each other, and how they are read and written."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_folders(*folders: Path) -> None:
    """Make folders that are not there; a ConfigurationError names the one that cannot be made."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ConfigurationError(f"cannot make the folder {folder}: {problem.strerror}") from problem


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whose bytes depend on the value alone; NaN is refused."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read what an earlier command wrote; a ConfigurationError names that command, such as "star train"."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there; run `python -m model_export {made_by}` first") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path} is damaged ({problem}); run `{made_by}` again") from problem
    return value


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of what decides the bytes of an artefact: Python and the packages."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
