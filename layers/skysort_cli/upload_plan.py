"""Files to upload to the drop folder: their names in the batch, the batch's name, and what the service already has."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.uploads.names import batch_fault
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.inputs import unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort_cli.inputs import Input

_NAME_CHARACTERS: Final = 40
# Allowed difference between the clocks of the store and of this machine.
_CLOCKS_APART_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An uploaded file: its size and time of upload, None once it was removed from the drop folder."""

    size: int | None
    uploaded: float | None


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to upload: its name in the batch, path, size in bytes and time of modification."""

    name: str
    path: Path
    size: int
    changed: float


def plan(inputs: Sequence[Input]) -> tuple[list[Upload], dict[str, ProblemError]]:
    """The uploads in order, and the unreadable inputs by name; UsageError if two would have the same name."""
    uploads: list[Upload] = []
    unread: dict[str, ProblemError] = {}
    for item, name in zip(inputs, _names(inputs), strict=True):
        if item.path is None:
            raise UsageError("- cannot be dropped: an upload needs its size beforehand; save it to a file")
        try:
            if item.path.is_dir():
                raise IsADirectoryError
            with item.path.open("rb"):
                status = item.path.stat()
            uploads.append(Upload(name, item.path, status.st_size, status.st_mtime))
        except OSError as error:
            unread[item.name] = unreadable(error)
    return uploads, unread


def _names(inputs: Sequence[Input]) -> list[str]:
    """Each file's path relative to the searched folder; the given paths if those collide."""
    names = [item.below for item in inputs]
    if len(set(names)) == len(names):
        return names
    names = [Path(item.name).as_posix().lstrip("./") or item.below for item in inputs]
    sources: dict[str, str] = {}
    for item, name in zip(inputs, names, strict=True):
        if name in sources:
            raise UsageError(f"{sources[name]} and {item.name} would both be {name} in the batch; drop them one by one")
        sources[name] = item.name
    return names


def batch_name(option: str | None, model: str, arguments: Sequence[str]) -> str:
    """The name of --batch, or one that the same command gets again: the first path's name and a hash of all paths."""
    if option is not None:
        if fault := batch_fault(option) if option else "is empty":
            raise UsageError(f"--batch {option!r:.110} {fault}")
        return option
    identity = "\0".join([model, *(str(Path(argument).absolute()) for argument in arguments)])
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    first = stem(arguments[0])
    return f"{first}-{digest}" if first else digest


def stem(argument: str) -> str:
    """The beginning of a batch's name, from a path's; it may be empty."""
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(argument).absolute().name).strip("-")[:_NAME_CHARACTERS]


def not_uploaded(uploads: Sequence[Upload], uploaded: Mapping[str, UploadedFile]) -> list[Upload]:
    """Files that the service does not have, or has in another size or an older version."""
    return [upload for upload in uploads if not _is_uploaded(upload, uploaded.get(upload.name))]


def _is_uploaded(upload: Upload, uploaded: UploadedFile | None) -> bool:
    if uploaded is None:
        return False
    if uploaded.size is None or uploaded.uploaded is None:  # classified, and removed since
        return True
    return uploaded.size == upload.size and upload.changed <= uploaded.uploaded + _CLOCKS_APART_S
