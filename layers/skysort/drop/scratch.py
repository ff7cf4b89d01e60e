"""Temporary folders of dropped files: what a function leaves that is killed over one, the next one takes away.

Lambda starts a function anew in the same sandbox after it was killed or ran out of time, and leaves /tmp as it is
("Lambda execution environment", failures during the invoke phase): a few tables of gigabytes would fill it, and every
other file would fail for want of room.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "skysort-drop-"


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of this process, gone on leaving however one leaves."""
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as path:
        yield Path(path)


@functools.cache
def sweep() -> None:
    """Remove, once, the folders of processes that are no more; to be called before this process makes its first."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        if owner == str(os.getpid()) or not _is_alive(owner):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(owner: str) -> bool:
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass  # somebody else's, and so not ours to take
    return True
