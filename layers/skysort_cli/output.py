"""Output of results: in which format, to stdout or to a file that is complete or absent."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import sys
from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import MissingError, UsageError
from skysort_cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, TextIO

    from skysort_cli.inputs import Input

    # One classified or failed input: file, row and id (of a table's row), and the result or `error`.
    Record = dict[str, Any]

STDOUT: Final = "-"
SHOWN_FEATURES: Final = 3


class Format(StrEnum):
    """Formats of results."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    VOTABLE = "votable"
    ECSV = "ecsv"


_BY_SUFFIX: Final = {
    **dict.fromkeys((".jsonl", ".ndjson", ".json", ""), Format.JSONL),
    ".csv": Format.CSV,
    **dict.fromkeys((".parquet", ".pq"), Format.PARQUET),
    **dict.fromkeys((".vot", ".votable", ".xml"), Format.VOTABLE),
    ".ecsv": Format.ECSV,
}
_SUFFIXES: Final = ".csv, .jsonl, .parquet, .vot or .ecsv"
_SPREADSHEETS: Final = frozenset({".xlsx", ".xls", ".ods"})


def choose_format(option: str | None, out: str | None) -> Format:
    """The format of --format, else by the file's suffix, else a table on a terminal and JSON Lines elsewhere.

    Parameters
    ----------
    option, out
        As given; None without.

    Returns
    -------
    Format
        One that can be written here.

    Raises
    ------
    UsageError
        No results are written under such a name, or Parquet to stdout.
    MissingError
        Its package is not installed.
    """
    chosen = Format(option) if option is not None else None
    if chosen is None and out is not None and out != STDOUT:
        chosen = _by_suffix(out)
    if chosen is None:
        chosen = Format.TABLE if is_terminal(sys.stdout) else Format.JSONL
    if chosen is Format.PARQUET:
        if out in {None, STDOUT}:
            raise UsageError("--format parquet is binary: name its file with --out FILE")
        if importlib.util.find_spec("pyarrow") is None:
            raise MissingError(
                "writing Parquet needs the package pyarrow: pip install '.[models]' in the project's folder, or name "
                "a file that ends in .csv, .vot or .ecsv"
            )
    return chosen


def _by_suffix(out: str) -> Format:
    suffix = Path(out).suffix.lower()
    if suffix not in _BY_SUFFIX:
        hint = "spreadsheets open a .csv" if suffix in _SPREADSHEETS else f"name a file that ends in {_SUFFIXES}"
        raise UsageError(f"--out {out}: results are not written as {suffix}; {hint}, or give --format")
    return _BY_SUFFIX[suffix]


def check_out(out: str | None, inputs: Sequence[Input]) -> None:
    """Raise UsageError, before any work is done, if the --out file cannot be written or is an input."""
    if out is None or out == STDOUT:
        return
    path = Path(out)
    if path.is_dir():
        raise UsageError(f"--out {out} is a directory; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: {path.parent} is not a directory")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--out {out}: the directory {path.parent} is not writable")
    if path.exists() and any(item.path is not None and is_same_file(item.path, path) for item in inputs):
        raise UsageError(f"--out {out} is one of the inputs; name another file")


def made_folder(option: str, folder: Path) -> Path:
    """The folder that an option names, created if necessary; raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {folder}: cannot make the directory: {error.strerror}") from error
    return folder


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths refer to the same file."""
    try:
        return path.samefile(other)
    except OSError:
        return False


@contextlib.contextmanager
def opened(out: str | None) -> Iterator[TextIO]:
    """Stdout, or a file that replaces an earlier one when it is complete.

    An interrupted command keeps the lines written so far. Names that are not UTF-8 are written as their bytes.
    """
    if out is None or out == STDOUT:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace" if is_terminal(sys.stdout) else "surrogateescape")
        yield sys.stdout
        sys.stdout.flush()
        return
    with atomic_file(Path(out)) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        try:
            yield text
        finally:
            text.flush()
            text.detach()


@contextlib.contextmanager
def atomic_file(path: Path, *, keep_when_interrupted: bool = True) -> Iterator[BinaryIO]:
    """A temporary file that is moved into place at the end, or removed on failure."""
    if path.exists() and not path.is_file():  # a pipe, /dev/null
        with path.open("wb") as special:
            yield special
        return
    path = path.resolve()  # a link stays a link
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            try:
                yield file
            except KeyboardInterrupt:
                if keep_when_interrupted:
                    file.flush()
                    temporary.replace(path)
                raise
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class Writer(ABC):
    """Writes records."""

    @abstractmethod
    def write(self, record: Record) -> None:
        """Write one record."""

    def close(self) -> None:  # noqa: B027 - most have nothing to add
        """Write what has to come at the end."""


class JsonLines(Writer):
    """One JSON document per line, ASCII only, so that it passes every pipe."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, record: Record) -> None:
        """Write one line and flush it: a reader may be waiting."""
        self._file.write(json.dumps(record, separators=(", ", ": ")) + "\n")
        self._file.flush()


def error_message(record: Record) -> str:
    """The message of a record's problem."""
    error = record["error"]
    return str(error.get("detail") or error.get("title") or "unknown problem")


def nearest(record: Record) -> list[str]:
    """The training pictures that are most like a picture, with their similarity."""
    found = (record.get("explanation") or {}).get("nearest") or []
    return [f"{item['file']}={item['similarity']:.3f}" for item in found]


def explanation(record: Record, max_features: int | None = None) -> str:
    """A heat map's file, or the features that count most for or against the best class (SHAP, in its margin)."""
    details = record.get("explanation") or {}
    if "heat_map" in details:
        return str(details["heat_map"])
    best = record["predictions"][0]["label"]
    contributions = details.get("classes", {}).get(best, {}).get("contributions", {})
    ranked: Sequence[tuple[str, float]] = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return ";".join(f"{name}={value:+.3f}" for name, value in ranked[:max_features])
