"""Where results go: stdout or a file that is whole or not there, and records as JSON Lines and as CSV."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.csv_cells import text_cell
from skysort_cli.exits import UsageError
from skysort_cli.terminal import is_terminal, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, TextIO

    from skysort_cli.inputs import Input

    # One classified or failed input: file, row and id of a table's row, and the result or `error`.
    Record = dict[str, Any]

STDOUT: Final = "-"
SHOWN_FEATURES: Final = 3


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
    """Refuse a place for results that cannot be written, or that is an input (UsageError), before any work is done."""
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
    """The folder that an option names, made where there is none; raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {folder}: cannot make the directory: {error.strerror}") from error
    return folder


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return path.samefile(other)
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
            sys.stdout.reconfigure(errors="backslashreplace" if is_terminal(sys.stdout) else "surrogateescape")
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
    """A file written beside and moved into place at the end; gone where the work failed rather than was interrupted."""
    if path.exists() and not path.is_file():  # a pipe, /dev/null
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


class Writer:
    """Takes records one by one."""

    def write(self, record: Record) -> None:
        """Take one record."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what can only be written at the end."""


class JsonLines(Writer):
    """One JSON document a line, ASCII only, so that it survives every pipe."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, record: Record) -> None:
        """Write one line, at once: a reader may be waiting for it."""
        self._file.write(json.dumps(record, separators=(", ", ": ")) + "\n")
        self._file.flush()


class Csv(Writer):
    """A line a record: the best class, the prediction set, and the next classes where more were asked for.

    star: whether records are rows of tables. top_k: predictions that get columns of their own.
    """

    def __init__(self, file: TextIO, *, star: bool, top_k: int, explain: bool) -> None:
        self._file = plain(file)
        self._star = star
        self._top_k = top_k
        self._explain = explain
        more = [f"{name}_{place}" for place in range(2, top_k + 1) for name in ("label", "probability")]
        self.columns = [
            "file",
            *(["row", "id"] if star else []),
            *("label", "class_id", "probability", *more, "prediction_set"),
            *(["variant"] if star else []),
            *(["explanation"] if explain else []),
            *("model", "error"),
        ]
        write_row(self._file, self.columns)

    def write(self, record: Record) -> None:
        """Write one line."""
        # An identifier is the user's own column, and stays as it is.
        place = [text_cell(record["file"]), *([record.get("row", ""), record.get("id", "")] if self._star else [])]
        if "error" in record:
            blank = [""] * (len(self.columns) - len(place) - 1)
            write_row(self._file, [*place, *blank, text_cell(error_message(record))])
        else:
            write_row(self._file, [*place, *self._answer(record), ""])
        self._file.flush()

    def _answer(self, record: Record) -> list[object]:
        best, *others = record["predictions"]
        others = others[: self._top_k - 1]
        more = [cell for other in others for cell in (other["label"], f"{other['probability']:.6f}")]
        more += [""] * 2 * (self._top_k - 1 - len(others))
        model = record.get("model") or {}
        return [
            *(best["label"], best["class_id"], f"{best['probability']:.6f}", *more),
            ";".join(record["prediction_set"]),
            *([record["variant"]] if self._star else []),
            *([text_cell(explanation(record))] if self._explain else []),
            f"{model.get('name', '')} {model.get('version', '')}".strip(),
        ]


def write_row(file: TextIO, cells: Sequence[object]) -> None:
    """One line of CSV. A carriage return within a cell would end the line for a reader unless it is quoted."""
    quoted = any("\r" in str(cell) for cell in cells)
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerow(cells)


def error_message(record: Record) -> str:
    """What a record's problem says."""
    error = record["error"]
    return str(error.get("detail") or error.get("title") or "unknown problem")


def explanation(record: Record, max_features: int | None = None) -> str:
    """A heat map's file, or the features that speak most for or against the best class (SHAP, in its margin)."""
    found = record.get("explanation") or {}
    if "heat_map" in found:
        return str(found["heat_map"])
    best = record["predictions"][0]["label"]
    contributions = found.get("classes", {}).get(best, {}).get("contributions", {})
    ranked: Sequence[tuple[str, float]] = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return ";".join(f"{name}={value:+.3f}" for name, value in ranked[:max_features])
