"""state.json: where a running stack listens and which processes it has, for tests, tools and curious people."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class StateBusyError(Exception):
    """Another stack uses the state folder."""


class StateFile:
    """A JSON file that is always whole: written beside, then moved into place.

    Holds the folder for one stack at a time, by a lock that the system releases however the stack ends.
    Raises StateBusyError.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "state.json"
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateBusyError(
                f"another stack runs with the state folder {folder}; stop it or set SKYSORT_STATE to another folder"
            ) from error

    def write(self, state: dict[str, Any]) -> None:
        """Replace the contents."""
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.path)

    def close(self) -> None:
        """Say that nothing runs any more, and let go of the folder."""
        self.path.unlink(missing_ok=True)
        self._lock.close()
