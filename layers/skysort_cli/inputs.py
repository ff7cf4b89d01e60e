"""The FILES of a command line: files, folders, patterns that the shell left alone, and - for stdin."""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort import problems
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.terminal import is_terminal, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN: Final = "-"
_NAMES_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Input:
    """One input: how it is named in the output, and its path (None: stdin).

    below: its path below the folder or the pattern's fixed part that it was found through, else its name.
    """

    name: str
    path: Path | None
    below: str

    def size(self) -> int:
        """Its bytes; 0 where that cannot be told."""
        try:
            return self.path.stat().st_size if self.path is not None else 0
        except OSError:
            return 0

    def read(self, most: int, too_large: str) -> bytes:
        """Its bytes; raises ProblemError where they cannot be read or are more than most."""
        if self.path is None:
            content = sys.stdin.buffer.read(most + 1)
        else:
            try:
                with self.path.open("rb") as file:
                    content = file.read(most + 1)
            except OSError as error:
                raise unreadable(error) from error
        if len(content) > most:
            raise ProblemError(problems.document(413, "limit-exceeded", "A limit was passed", too_large))
        return content


def expand(arguments: Sequence[str], endings: Sequence[str]) -> list[Input]:
    """Every input once, in the order of the arguments, a folder's files in the order of their names.

    endings: of the files that a folder is searched for, hidden ones left out; one line on stderr tells of files that
    were passed over. Names that lead nowhere stay in: they fail when they are read, as one input among others.
    Raises UsageError for what cannot be meant.
    """
    if list(arguments).count(STDIN) > 1:
        raise UsageError("- stands for stdin, which can be read only once")
    found: dict[str, Input] = {}
    passed: dict[str, str] = {}
    for argument in arguments:
        for one in _of(argument, endings, passed):
            found.setdefault(one.name, one)
    left_out = [told for path, told in passed.items() if path not in found]
    if left_out:
        files = "1 file" if len(left_out) == 1 else f"{len(left_out):,} files"
        say(
            f"left out {files}: {first_names(left_out)}; of a folder these are taken unless they are hidden: "
            f"{' '.join(endings)}; a file that is named itself is tried whatever it is called"
        )
    return list(found.values())


def first_names(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = len(names) - _NAMES_TOLD
    return ", ".join(names[:_NAMES_TOLD]) + (f" and {more:,} more" if more > 0 else "")


def _of(argument: str, endings: Sequence[str], passed: dict[str, str]) -> Iterator[Input]:
    path = Path(argument)
    if argument == STDIN:
        if is_terminal(sys.stdin):
            raise UsageError("- reads stdin, which is the terminal here; pipe something into it")
        yield Input(STDIN, None, "stdin")
    elif not argument:
        raise UsageError("an argument is empty; is a variable of the script unset?")
    elif path.is_dir():
        yield from _below(path, endings, passed)
    elif glob.has_magic(argument) and not os.path.lexists(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - keeps the pattern's own spelling
        for match in matches:
            yield from _below(Path(match), endings, passed) if Path(match).is_dir() else [_file(Path(match))]
        if not matches:
            yield _file(path)
    else:
        yield _file(path)


def _file(path: Path, below: str | None = None) -> Input:
    return Input(str(path), path, below or path.name)


def _below(folder: Path, endings: Sequence[str], passed: dict[str, str]) -> Iterator[Input]:
    """The folder's files, or the folder itself where it has none that fit: it then fails with that reason.

    passed: gets the paths of what is passed over, and how to tell of them; hidden files only where they would fit.
    """
    empty = True

    def unread(error: OSError) -> None:
        passed[str(error.filename)] = f"{error.filename} ({error.strerror})"

    for place, folders, names in os.walk(folder, onerror=unread):
        folders.sort()
        for name in folders:
            path = Path(place) / name
            if path.is_symlink():
                passed[str(path)] = f"{path} (a link to a folder)"
        for name in sorted(names):
            path = Path(place) / name
            below = path.relative_to(folder)
            fits = name.lower().endswith(tuple(endings))
            hidden = any(part.startswith(".") for part in below.parts)
            if fits and not hidden:
                empty = False
                yield _file(path, below.as_posix())
            elif fits or not hidden:
                passed[str(path)] = str(path)
    if empty:
        yield _file(folder)


def unreadable(error: OSError) -> ProblemError:
    """The problem of a file that cannot be read."""
    reasons = {
        FileNotFoundError: "there is no such file",
        IsADirectoryError: "the folder holds no file of a kind that is read here",
        PermissionError: "the file may not be read: permission denied",
    }
    reason = reasons.get(type(error)) or f"the file cannot be read: {error.strerror or error}"
    return ProblemError(problems.document(400, "unreadable-file", "The file cannot be read", reason))
