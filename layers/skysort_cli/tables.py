"""Tables of records on a terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from skysort_cli.layout import indented, plain_table, text
from skysort_cli.output import SHOWN_FEATURES, Writer, error_message, explanation, nearest
from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from skysort_cli.output import Record

# More is unreadable on a screen, and rich lays out about a thousand rows per second.
MAX_ROWS: Final = 500
# Minimum width of a table with the usual columns, and of each further column; narrower ones would break every cell.
_NARROW: Final = 60
_USUAL_COLUMNS: Final = 4
_COLUMN: Final = 8
_FOLDED: Final[dict[str, Any]] = {"overflow": "fold"}
_WIDE: Final[dict[str, Any]] = {"overflow": "fold", "min_width": 8}
_NUMBER: Final[dict[str, Any]] = {"justify": "right", "no_wrap": True}


@dataclass
class TerminalTable(Writer):
    """Collects records and prints them as one table.

    rows: whether records are rows of tables, shown with their number. names: whether rows have ids and a model variant.
    files: whether to show each file's name. top_k: number of classes shown.
    """

    console: Console
    rows: bool
    files: bool
    names: bool = True
    top_k: int = 1
    explain: bool = False
    _records: list[Record] = field(default_factory=list)
    _omitted: int = 0
    _measured: bool = False
    _labels: Counter[str] = field(default_factory=Counter)

    def write(self, record: Record) -> None:
        """Collect one record."""
        if "predictions" in record:
            self._labels[record["predictions"][0]["label"]] += 1
        self._measured = self._measured or record.get("in_domain") is not None
        if len(self._records) < MAX_ROWS:
            self._records.append(record)
        else:
            self._omitted += 1

    def close(self) -> None:
        """Print the table."""
        if not self._records:
            return
        columns = self._columns()
        if self.console.width < _NARROW + _COLUMN * (len(columns) - _USUAL_COLUMNS):
            self._stacked()
        else:
            table = plain_table()
            for name, options in columns.items():
                table.add_column(name, **options)
            for record in self._records:
                table.add_row(*self._row(record))
            self.console.print(table)
        if self._omitted:
            numbers = ", ".join(f"{printable(label)} {count:,}" for label, count in self._labels.most_common(8))
            more = f"and {self._omitted:,} more rows; use --out FILE to save all. Total: {numbers}"
            self.console.print(Text(more, style="dim"))

    def _stacked(self) -> None:
        """Print records line by line, for narrow terminals."""
        for record in self._records:
            title = [record["file"]] if self.files else []
            title += [f"row {_rows(record)}"] if self.rows and "row" in record else []
            title += [record["id"]] if self.rows and self.names and record.get("id") else []
            self.console.print(text(", ".join(title), "bold"))
            for line in self._lines(record):
                indented(self.console, line)

    def _lines(self, record: Record) -> Iterator[Text]:
        if "error" in record:
            yield text(f"refused: {error_message(record)}", "red")
            return
        if "result_file" in record:
            yield text(f"classified: {record['result_file']}")
            return
        for index, prediction in enumerate(record["predictions"][: self.top_k]):
            probability = _probability(prediction["probability"], best=index == 0)
            yield probability.append(f"  {printable(prediction['label'])}")
        if len(record["prediction_set"]) > 1:
            yield text(f"one of {', '.join(record['prediction_set'])}")
        elif not record["prediction_set"]:
            yield text("no confident answer")
        if self._measured:
            yield _typicality(record)
        if self.explain:
            because = [*explanation(record, SHOWN_FEATURES).split(";"), *(f"like {item}" for item in nearest(record))]
            yield text(f"because {', '.join(because)}")

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {
            **({"file": _WIDE} if self.files else {}),
            **({"row": _NUMBER} if self.rows else {}),
            **({"id": _FOLDED} if self.rows and self.names else {}),
            "class": _WIDE,
            "probability": _NUMBER,
            "one of (90 %)": _WIDE,
            **({"from": _FOLDED} if self.rows and self.names else {}),
            **({"typical": _FOLDED} if self._measured else {}),
            **({"because": _FOLDED} if self.explain else {}),
        }

    def _row(self, record: Record) -> list[Text]:
        cells = [text(record["file"])] if self.files else []
        cells += [text(_rows(record))] if self.rows else []
        cells += [text(record.get("id", ""))] if self.rows and self.names else []
        if "error" in record:
            return [*cells, Text("refused", style="red"), Text(), text(error_message(record), "red")]
        if "result_file" in record:
            return [*cells, Text("classified", style="bold"), Text(), text(record["result_file"])]
        predictions = list(enumerate(record["predictions"][: self.top_k]))
        line = Text("\n")
        row = [
            *cells,
            line.join(text(item["label"], "dim" if index else "bold") for index, item in predictions),
            line.join(_probability(item["probability"], best=index == 0) for index, item in predictions),
            text(", ".join(record["prediction_set"]) or "none"),
        ]
        if self.rows and self.names:
            row.append(text(str(record.get("variant", "")).replace("_", " ")))
        if self._measured:
            row.append(_typicality(record))
        if self.explain:
            because = [*explanation(record, SHOWN_FEATURES).split(";"), *(f"like {item}" for item in nearest(record))]
            row.append(line.join(map(text, because)))
        return row


def _rows(record: Record) -> str:
    first, last = record.get("row", ""), record.get("last_row")
    return f"{first}-{last}" if last else str(first)


def _typicality(record: Record) -> Text:
    """Whether an input is like what the model was tested on."""
    if record.get("in_domain") is None:
        return Text()
    return Text("yes", style="dim") if record["in_domain"] else Text("unlike the test data", style="yellow")


def _probability(probability: float, *, best: bool) -> Text:
    shown = f"{probability:.1%}" if probability < 0.9995 else ">99.9%"  # noqa: PLR2004 - nothing is certain
    return Text(shown, style=("green" if probability >= 0.9 else "yellow") if best else "dim")  # noqa: PLR2004
