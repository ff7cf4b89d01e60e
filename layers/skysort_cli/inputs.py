"""The FILE arguments of a command line: files, folders, patterns that the shell did not expand, and - for stdin."""

from __future__ import annotations

import errno
import glob
import gzip
import os
import re
import shlex
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
    from collections.abc import Callable, Iterator, Sequence

# Errors of the output, which may occur while an input is read.
_OUTPUT_ERRORS: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
STDIN: Final = "-"
_NAMES_SHOWN: Final = 3
_URL: Final = re.compile("(?:https?|ftp|s3)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its name in the output, and its path (None: stdin).

    below: its path relative to the searched folder, else its name.
    """

    name: str
    path: Path | None
    below: str

    def size(self) -> int:
        """Its size in bytes; 0 if unknown."""
        try:
            return self.path.stat().st_size if self.path is not None else 0
        except OSError:
            return 0

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """The open file; raises ProblemError if it cannot be opened."""
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
        """Its bytes; raises ProblemError if they cannot be read or exceed max_bytes."""
        with self.opened() as file:
            try:
                content = file.read(max_bytes + 1)
            except OSError as error:
                raise unreadable(error) from error
        if len(content) > max_bytes:
            raise ProblemError(problems.document(413, "limit-exceeded", "Limit exceeded", too_large))
        return content


def expand(arguments: Sequence[str], suffixes: Sequence[str], report: Callable[[str], None] = say) -> list[Input]:
    """Find every input once, in the order of the arguments, the files of a folder sorted by name.

    Paths that do not exist are included: they fail when they are read.

    Parameters
    ----------
    arguments
        As on the command line.
    suffixes
        Of the files that a folder is searched for, without hidden ones.
    report
        Called with one line about skipped files.

    Returns
    -------
    list[Input]
        Files and stdin.

    Raises
    ------
    UsageError
        For an empty argument, a URL, stdin given twice, and stdin from a terminal.
    """
    if list(arguments).count(STDIN) > 1:
        raise UsageError("- stands for stdin, which can be read only once")
    inputs: dict[str, Input] = {}
    skipped_files: dict[str, str] = {}
    for argument in arguments:
        for item in _expand_argument(argument, suffixes, skipped_files):
            inputs.setdefault(item.name, item)
    skipped = [shown for path, shown in skipped_files.items() if path not in inputs]
    if skipped:
        report(
            f"skipped {counted(len(skipped))}: {first_names(skipped)}; a directory is searched for files that end in "
            f"{' '.join(suffixes)} and are not hidden; a file that you name is tried whatever its name"
        )
    return list(inputs.values())


def counted(files: int) -> str:
    """A number of files, in words."""
    return "1 file" if files == 1 else f"{files:,} files"


def first_names(names: Sequence[str]) -> str:
    """The first few names, and the number of further ones."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _expand_argument(argument: str, suffixes: Sequence[str], skipped_files: dict[str, str]) -> Iterator[Input]:
    path = Path(argument)
    if argument == STDIN:
        if is_terminal(sys.stdin):
            raise UsageError("- reads stdin, which is the terminal; pipe a file into it")
        yield Input(STDIN, None, "stdin")
    elif not argument:
        raise UsageError("an argument is empty; is a shell variable unset?")
    elif fault := url_fault(argument):
        raise UsageError(fault)
    elif path.is_dir():
        yield from _below(path, suffixes, skipped_files)
    elif glob.has_magic(argument) and not os.path.lexists(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - keeps the pattern's own spelling
        for match in matches:
            yield from _below(Path(match), suffixes, skipped_files) if Path(match).is_dir() else [_file(Path(match))]
        if not matches:
            yield _file(path)
    else:
        yield _file(path)


def url_fault(text: str) -> str:
    """What to do with a URL that is given in place of a file; empty for what is none."""
    if not _URL.match(text):
        return ""
    if text.lower().startswith("s3:"):
        return f"{text} lies in S3: `skysort bulk` with --endpoint URL classifies it there; here give files"
    return f"{text} is a URL: download it first (curl -LO {shlex.quote(text)}), then give the file"


def _file(path: Path, below: str | None = None) -> Input:
    return Input(str(path), path, below or path.name)


def _below(folder: Path, suffixes: Sequence[str], skipped_files: dict[str, str]) -> Iterator[Input]:
    """The matching files of a folder, or the folder itself if there are none, which then fails to be read.

    skipped_files: receives descriptions of skipped files by path; of hidden files only if they match.
    """
    empty = True

    def unread(error: OSError) -> None:
        skipped_files[str(error.filename)] = f"{error.filename} ({error.strerror})"

    for directory, folders, names in os.walk(folder, onerror=unread):
        folders.sort()
        for name in folders:
            path = Path(directory) / name
            if path.is_symlink():
                skipped_files[str(path)] = f"{path} (a link to a directory)"
        for name in sorted(names):
            path = Path(directory) / name
            below = path.relative_to(folder)
            fits = name.lower().endswith(tuple(suffixes))
            hidden = any(part.startswith(".") for part in below.parts)
            if fits and not hidden:
                empty = False
                yield _file(path, below.as_posix())
            elif fits or not hidden:
                skipped_files[str(path)] = str(path)
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
    """Turn errors of damaged input into a ProblemError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _malformed(f"the file is not UTF-8 text: {error.reason}; save it as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _malformed(f"the gzip data is damaged or truncated: {error}") from error
    except OSError as error:
        if error.errno in _OUTPUT_ERRORS:
            raise
        raise unreadable(error) from error


def _malformed(detail: str) -> ProblemError:
    return ProblemError(problems.document(400, "malformed-input", "The input cannot be read", detail))
