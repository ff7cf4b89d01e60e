"""Output of results: to stdout or to a file that is complete or absent, as JSON Lines or CSV."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.csv_cells import text_cell
from skysort.typicality_share import in_words
from skysort_cli.exits import UsageError
from skysort_cli.terminal import is_terminal, plain

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


_BY_SUFFIX: Final = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".json": Format.JSONL}


def choose_format(option: str | None, out: str | None) -> Format:
    """The format of --format, else by the file's suffix, else a table on a terminal and JSON Lines elsewhere."""
    if option is not None:
        return Format(option)
    if out is not None and out != STDOUT:
        return _BY_SUFFIX.get(Path(out).suffix.lower(), Format.JSONL)
    return Format.TABLE if is_terminal(sys.stdout) else Format.JSONL


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


class Csv(Writer):
    """One line per record: the best class, the prediction set, and further classes up to top_k.

    star: whether records are rows of tables. top_k: number of predictions with columns of their own. trained: whether
    people trained the model, whose explanations name the nearest examples.
    """

    def __init__(self, file: TextIO, *, star: bool, top_k: int, explain: bool, trained: bool = False) -> None:
        self._file = plain(file)
        self._star = star
        self._top_k = top_k
        self._explain = explain
        self._trained = trained
        further = [f"{name}_{rank}" for rank in range(2, top_k + 1) for name in ("label", "probability")]
        self.columns = [
            "file",
            *(["row", "id"] if star else []),
            *("label", "class_id", "probability", *further, "prediction_set"),
            *(["variant"] if star else []),
            *("typicality", "in_domain"),
            *(["explanation"] if explain else []),
            *(["nearest"] if explain and trained and not star else []),
            *("model", "error"),
        ]
        write_row(self._file, self.columns)

    def write(self, record: Record) -> None:
        """Write one line."""
        # An identifier is the user's own data and is written unchanged.
        cells = [text_cell(record["file"]), *([record.get("row", ""), record.get("id", "")] if self._star else [])]
        if "error" in record:
            blank = [""] * (len(self.columns) - len(cells) - 1)
            write_row(self._file, [*cells, *blank, text_cell(error_message(record))])
        else:
            write_row(self._file, [*cells, *self._answer(record), ""])
        self._file.flush()

    def _answer(self, record: Record) -> list[object]:
        best, *others = record["predictions"]
        others = others[: self._top_k - 1]
        further = [cell for other in others for cell in (other["label"], f"{other['probability']:.6f}")]
        further += [""] * 2 * (self._top_k - 1 - len(others))
        model = record.get("model") or {}
        return [
            *(best["label"], best["class_id"], f"{best['probability']:.6f}", *further),
            ";".join(record["prediction_set"]),
            *([record["variant"]] if self._star else []),
            *_typicality(record),
            *([text_cell(explanation(record))] if self._explain else []),
            *([text_cell(";".join(nearest(record)))] if self._explain and self._trained and not self._star else []),
            f"{model.get('name', '')} {model.get('version', '')}".strip(),
        ]


def write_row(file: TextIO, cells: Sequence[object]) -> None:
    """Write one line of CSV, quoted if a cell has a carriage return, which would end the line for some readers."""
    quoted = any("\r" in str(cell) for cell in cells)
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerow(cells)


def error_message(record: Record) -> str:
    """The message of a record's problem."""
    error = record["error"]
    return str(error.get("detail") or error.get("title") or "unknown problem")


def _typicality(record: Record) -> list[str]:
    """How typical an input is, and whether it is in the domain; empty where it is not said."""
    typicality = record.get("typicality")
    return ["" if typicality is None else f"{typicality:.6f}", in_words(record.get("in_domain"))]


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
