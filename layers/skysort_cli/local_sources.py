"""The files of a bulk job on this machine, named by their paths below the folder that they have in common."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from skysort.bulk.store import FolderSources
from skysort_cli.exits import UsageError
from skysort_cli.inputs import expand, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysort.bulk.store import SourceObject


class ChosenFiles(FolderSources):
    """The files of a command line. folder: the one that they have in common. names: their paths in it, sorted."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        super().__init__(folder)
        self.folder = folder
        self.names = names

    def list(self, prefix: str) -> Iterator[SourceObject]:
        """The chosen files whose paths begin with a prefix."""
        for name in self.names:
            if name.startswith(prefix):
                yield self.stat(name)

    def fingerprint(self) -> str:
        """What is the same as long as the same files are chosen and none of them has changed."""
        digest = hashlib.sha256(os.fsencode(self.folder))
        for item in self.list(""):
            digest.update(f"\0{item.source}\0{item.etag}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def chosen_files(arguments: Sequence[str], suffixes: Sequence[str]) -> ChosenFiles:
    """The files that arguments name; raises UsageError for one that cannot be read, and for stdin."""
    paths = []
    for item in expand(arguments, suffixes):
        if item.path is None:
            raise UsageError("- cannot be a source: a job reads its files more than once; save it to a file")
        path = Path(os.path.abspath(item.path))  # noqa: PTH100 - a link stays as it is named
        try:
            if path.is_dir():
                raise IsADirectoryError
            with path.open("rb"):
                paths.append(path)
        except OSError as error:
            raise UsageError(f"{item.name}: {unreadable(error).detail}") from error
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return ChosenFiles(folder, sorted({path.relative_to(folder).as_posix() for path in paths}, key=os.fsencode))
