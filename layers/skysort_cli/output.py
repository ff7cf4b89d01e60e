"""Where results go: stdout or a file that is whole or not there, and in which format."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort_cli.exits import UsageError
from skysort_cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, TextIO

    from skysort_cli.inputs import Input

STDOUT: Final = "-"


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


_BY_ENDING: Final = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".json": Format.JSONL}


def choose_format(option: str | None, out: str | None) -> Format:
    """The format asked for, else that of the file's ending, else a table on a terminal and JSON Lines elsewhere."""
    if option is not None:
        return Format(option)
    if out is not None and out != STDOUT:
        return _BY_ENDING.get(Path(out).suffix.lower(), Format.JSONL)
    return Format.TABLE if is_terminal(sys.stdout) else Format.JSONL


def check_out(out: str | None, inputs: Sequence[Input]) -> None:
    """Refuse a place for results that cannot be written, or that is an input, before any work is done."""
    if out is None or out == STDOUT:
        return
    path = Path(out)
    if path.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--out {out}: the folder {path.parent} may not be written to")
    if path.exists() and any(one.path is not None and same(one.path, path) for one in inputs):
        raise UsageError(f"--out {out} is one of the inputs; name another file")


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return one.samefile(other)
    except OSError:
        return False


@contextlib.contextmanager
def opened(out: str | None) -> Iterator[TextIO]:
    """Stdout, or a file that appears under its name when it is complete, an earlier one kept until then.

    What an interrupted command has so far is kept too: complete lines of the inputs that were done.
    Names that are not UTF-8 come out as the bytes that they are.
    """
    if out is None or out == STDOUT:
        if isinstance(sys.stdout, io.TextIOWrapper):
            to_people = is_terminal(sys.stdout)
            sys.stdout.reconfigure(errors="backslashreplace" if to_people else "surrogateescape")
        yield sys.stdout
        sys.stdout.flush()
        return
    with whole_file(Path(out)) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        try:
            yield text
        finally:
            text.flush()
            text.detach()


@contextlib.contextmanager
def whole_file(path: Path, *, kept_when_interrupted: bool = True) -> Iterator[BinaryIO]:
    """A file written beside and moved into place at the end; gone where the work failed rather than was interrupted.

    kept_when_interrupted: whether a part of it is worth having.
    What is no regular file (a pipe, /dev/null) is written to as it is.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as special:
            yield special
        return
    path = path.resolve()  # a link stays one
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            try:
                yield file
            except KeyboardInterrupt:
                if kept_when_interrupted:
                    file.flush()
                    beside.replace(path)
                raise
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
