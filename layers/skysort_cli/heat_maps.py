"""Heat maps of explained pictures as PNG files, one a picture, told apart by name."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort_cli.pictures import Record

ENDING: Final = ".heat.png"
_DATA_URL: Final = "data:image/png;base64,"


def folder_for(explain_to: str | None, out: str | None) -> Path | None:
    """The folder that was asked for, else the one of the results' file, else None: maps then stay in the records."""
    if explain_to is not None:
        folder = Path(explain_to)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--explain-to {explain_to}: the folder cannot be made: {error.strerror}") from error
        return folder
    if out is not None and out != "-" and not Path(out).is_char_device():
        return Path(out).parent
    return None


class HeatMaps:
    """Writes each record's heat map below a folder, as its picture lies below the folder that it was found in.

    below: each input's path below its folder, by its name in the records.
    """

    def __init__(self, folder: Path, below: Mapping[str, str]) -> None:
        self._folder = folder
        self._below = below
        self._taken: set[str] = set()

    def kept_apart(self, record: Record) -> Record:
        """The record with its heat map in a file, named in its place."""
        explained: dict[str, Any] | None = record.get("explanation")
        if not explained or not str(explained.get("heat_map", "")).startswith(_DATA_URL):
            return record
        try:
            content = base64.b64decode(explained["heat_map"].removeprefix(_DATA_URL), validate=True)
        except binascii.Error:
            return record
        path = self._folder / self._name(record["file"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {**record, "explanation": {**explained, "heat_map": str(path)}}

    def _name(self, file: str) -> str:
        """A name of its own below the folder, never above it."""
        parts = [part for part in PurePosixPath(self._below.get(file, "picture")).parts if part not in {"/", "..", "."}]
        stem = "/".join(parts) or "picture"
        name, number = stem + ENDING, 2
        while name in self._taken:
            name, number = f"{stem}-{number}{ENDING}", number + 1
        self._taken.add(name)
        return name
