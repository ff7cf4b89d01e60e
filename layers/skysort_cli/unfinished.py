"""Uploads in parts that were begun: remembered, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort_cli.upload_plan import Upload


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where programs keep what they need again (XDG Base Directory Specification)."""
    named = environment.get("XDG_STATE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state") / "skysort" / "drops"


class Unfinished:
    """Upload ids of one batch, by the file's name; a file that has changed since begins anew.

    Where the folder cannot be written, nothing is remembered: parts are then sent again.
    """

    def __init__(self, folder: Path, endpoint: str, model: str, batch: str) -> None:
        digest = hashlib.sha256(f"{endpoint}\n{model}\n{batch}".encode()).hexdigest()[:24]
        self._path = folder / f"{digest}.json"
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            document = json.loads(self._path.read_bytes())
            self._entries = {name: entry for name, entry in document.items() if isinstance(entry, dict)}

    def upload_id(self, upload: Upload) -> str | None:
        """The id under which the file's parts lie, None where none was begun of the file as it is."""
        entry = self._entries.get(upload.name, {})
        if (entry.get("size"), entry.get("changed")) != (upload.size, upload.changed):
            return None
        return str(entry["upload_id"]) if entry.get("upload_id") else None

    def begun(self, upload: Upload, upload_id: str) -> None:
        """Remember."""
        with self._lock:
            self._entries[upload.name] = {"upload_id": upload_id, "size": upload.size, "changed": upload.changed}
            self._save()

    def over(self, upload: Upload) -> None:
        """Forget: it is complete, or the store does not know it any more."""
        with self._lock:
            if self._entries.pop(upload.name, None) is not None:
                self._save()

    def _save(self) -> None:
        with contextlib.suppress(OSError):
            if not self._entries:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps(self._entries), encoding="utf-8", errors="replace")
            beside.replace(self._path)
