"""The FILES of a command line: files, folders, patterns that the shell left alone, and - for stdin."""

from __future__ import annotations

import errno
import glob
import gzip
import os
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from skysort import problems
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.terminal import is_terminal, say

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence

# Failures of the output, which may arise in the midst of reading.
_OF_WRITING: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
STDIN: Final = "-"
_NAMES_SHOWN: Final = 3


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

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """Its bytes as a file; raises ProblemError where it cannot be opened."""
        if self.path is None:
            yield cast("io.BufferedReader", sys.stdin.buffer)
            return
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise unreadable(error) from error
        with file:
            yield file

    def read(self, max_bytes: int, too_large: str) -> bytes:
        """Its bytes; raises ProblemError where they cannot be read or are more than max_bytes."""
        with self.opened() as file:
            try:
                content = file.read(max_bytes + 1)
            except OSError as error:
                raise unreadable(error) from error
        if len(content) > max_bytes:
            raise ProblemError(problems.document(413, "limit-exceeded", "Limit exceeded", too_large))
        return content


def expand(arguments: Sequence[str], endings: Sequence[str]) -> list[Input]:
    """Find every input once, in the order of the arguments, a folder's files in the order of their names.

    Names that lead nowhere stay in: they fail when they are read, as one input among others.

    Parameters
    ----------
    endings
        Of the files that a folder is searched for, hidden ones skipped; one line on stderr reports skipped files.

    Returns
    -------
    list[Input]
        Files and stdin.

    Raises
    ------
    UsageError
        For what cannot be meant.
    """
    if list(arguments).count(STDIN) > 1:
        raise UsageError("- stands for stdin, which can be read only once")
    found: dict[str, Input] = {}
    passed: dict[str, str] = {}
    for argument in arguments:
        for item in _of(argument, endings, passed):
            found.setdefault(item.name, item)
    skipped = [shown for path, shown in passed.items() if path not in found]
    if skipped:
        say(
            f"skipped {counted(len(skipped))}: {first_names(skipped)}; a directory is searched for files that end in "
            f"{' '.join(endings)} and are not hidden; a file that you name is tried whatever its name"
        )
    return list(found.values())


def counted(files: int) -> str:
    """A number of files in words."""
    return "1 file" if files == 1 else f"{files:,} files"


def first_names(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


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
        IsADirectoryError: "the directory has no file that can be read here",
        PermissionError: "the file may not be read: permission denied",
    }
    reason = reasons.get(type(error)) or f"the file cannot be read: {error.strerror or error}"
    return ProblemError(problems.document(400, "unreadable-file", "The file cannot be read", reason))


@contextmanager
def damage() -> Iterator[None]:
    """Bytes that are not what they claim to be, as a problem."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _malformed(f"the file is not UTF-8 text: {error.reason}; save it as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _malformed(f"the gzip data is damaged or cut short: {error}") from error
    except OSError as error:
        if error.errno in _OF_WRITING:
            raise
        raise unreadable(error) from error


def _malformed(detail: str) -> ProblemError:
    return ProblemError(problems.document(400, "malformed-input", "The input cannot be read", detail))
