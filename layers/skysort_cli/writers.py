"""Records as JSON Lines and as CSV."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort.csv_cells import text_cell
from skysort_cli.terminal import Plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from skysort_cli.pictures import Record

SHOWN_FEATURES: Final = 3


class Writer(Protocol):
    """Takes records one by one."""

    def write(self, record: Record) -> None:
        """Take one record."""

    def close(self) -> None:
        """Write what can only be written at the end."""


class JsonLines:
    """One JSON document a line, ASCII only, so that it survives every pipe."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, record: Record) -> None:
        """Write one line, at once: a reader may be waiting for it."""
        self._file.write(json.dumps(record, separators=(", ", ": ")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing is held back."""


class Csv:
    """A line a record: the best class, the prediction set, and the next classes where more were asked for.

    star: whether records are rows of tables. top_k: predictions that get columns of their own.
    """

    def __init__(self, file: TextIO, *, star: bool, top_k: int, explain: bool) -> None:
        self._file = Plain(file)
        self._star = star
        self._top_k = top_k
        self._explain = explain
        write_row(self._file, self.columns())

    def columns(self) -> list[str]:
        """The header."""
        more = [f"{name}_{place}" for place in range(2, self._top_k + 1) for name in ("label", "probability")]
        return [
            "file",
            *(["row", "id"] if self._star else []),
            *("label", "class_id", "probability", *more, "prediction_set"),
            *(["variant"] if self._star else []),
            *(["explanation"] if self._explain else []),
            *("model", "error"),
        ]

    def write(self, record: Record) -> None:
        """Write one line."""
        # An identifier is the user's own column, and stays as it is.
        place = [text_cell(record["file"]), *([record.get("row", ""), record.get("id", "")] if self._star else [])]
        if "error" in record:
            blank = [""] * (len(self.columns()) - len(place) - 1)
            write_row(self._file, [*place, *blank, text_cell(sentence(record))])
        else:
            write_row(self._file, [*place, *self._answer(record), ""])
        self._file.flush()

    def _answer(self, record: Record) -> list[Any]:
        predictions = record["predictions"]
        best = predictions[0]
        more: list[Any] = []
        for at in range(1, self._top_k):
            more += (
                [predictions[at]["label"], f"{predictions[at]['probability']:.6f}"]
                if at < len(predictions)
                else ["", ""]
            )
        return [
            *(best["label"], best["class_id"], f"{best['probability']:.6f}", *more),
            ";".join(record["prediction_set"]),
            *([record["variant"]] if self._star else []),
            *([text_cell(explanation(record))] if self._explain else []),
            model(record),
        ]

    def close(self) -> None:
        """Nothing is held back."""


def write_row(file: TextIO | Plain, cells: Sequence[Any]) -> None:
    """One line of CSV. A carriage return within a cell would end the line for a reader unless it is quoted."""
    if any("\r" in str(cell) for cell in cells):
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    else:
        csv.writer(file, lineterminator="\n").writerow(cells)


def sentence(record: Record) -> str:
    """What a record's problem says."""
    error = record["error"]
    return str(error.get("detail") or error.get("title") or "unknown problem")


def model(record: Record) -> str:
    """The model as one word pair: ``galaxy 1.1.1``."""
    named = record.get("model") or {}
    return f"{named.get('name', '')} {named.get('version', '')}".strip()


def explanation(record: Record, most: int | None = None) -> str:
    """A heat map's file, or the features that speak most for or against the best class (SHAP, in its margin)."""
    found = record.get("explanation") or {}
    if "heat_map" in found:
        return str(found["heat_map"])
    best = record["predictions"][0]["label"]
    contributions = found.get("classes", {}).get(best, {}).get("contributions", {})
    ranked: Sequence[tuple[str, float]] = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return ";".join(f"{name}={value:+.3f}" for name, value in ranked[:most])
