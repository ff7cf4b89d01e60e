"""What a drop sends: names in the batch, the batch's own name, and what is there already."""

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

    from skysort_cli.batches import Arrived
    from skysort_cli.inputs import Input

_NAME_CHARACTERS: Final = 40
# A store's clock and this machine's may differ by so much.
_CLOCKS_APART_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to be sent: its name in the batch, its path, its bytes and when it was last changed."""

    name: str
    path: Path
    size: int
    changed: float


def plan(inputs: Sequence[Input]) -> tuple[list[Upload], dict[str, ProblemError]]:
    """The uploads in order, and the inputs that cannot be read, by name.

    Raises UsageError where two files would get the same name.
    """
    uploads: list[Upload] = []
    unread: dict[str, ProblemError] = {}
    names = _names(inputs)
    for one, name in zip(inputs, names, strict=True):
        if one.path is None:
            raise UsageError("- cannot be dropped: an upload needs its size beforehand; save it to a file")
        try:
            if one.path.is_dir():
                raise IsADirectoryError
            with one.path.open("rb"):
                status = one.path.stat()
            uploads.append(Upload(name, one.path, status.st_size, status.st_mtime))
        except OSError as error:
            unread[one.name] = unreadable(error)
    return uploads, unread


def _names(inputs: Sequence[Input]) -> list[str]:
    """Each file's path below the folder that it was found in; where those collide, the paths as they were given."""
    names = [one.below for one in inputs]
    if len(set(names)) == len(names):
        return names
    names = [Path(one.name).as_posix().lstrip("./") or one.below for one in inputs]
    seen: dict[str, str] = {}
    for one, name in zip(inputs, names, strict=True):
        if name in seen:
            raise UsageError(f"{seen[name]} and {one.name} would both be {name} in the batch; drop them one by one")
        seen[name] = one.name
    return names


def batch_name(option: str | None, model: str, arguments: Sequence[str]) -> str:
    """The name asked for, or one that the same command finds again: the first path's, and a hash of all of them."""
    if option is not None:
        fault = batch_fault(option) if option else "is empty"
        if fault:
            raise UsageError(f"--batch {option!r:.110} {fault}")
        return option
    whole = "\0".join([model, *(str(Path(argument).absolute()) for argument in arguments)])
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(arguments[0]).absolute().name).strip("-")[:_NAME_CHARACTERS]
    return f"{stem}-{digest}" if stem else digest


def missing(uploads: Sequence[Upload], arrived: Mapping[str, Arrived]) -> list[Upload]:
    """Those that the service does not have as they are now: not at all, in another size, or older than the file."""
    return [upload for upload in uploads if not _is_there(upload, arrived.get(upload.name))]


def _is_there(upload: Upload, there: Arrived | None) -> bool:
    if there is None:
        return False
    if there.size is None or there.uploaded is None:  # classified, and tidied away since
        return True
    return there.size == upload.size and upload.changed <= there.uploaded + _CLOCKS_APART_S
