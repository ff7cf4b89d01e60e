"""Records as a table on a terminal, as wide as that is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from skysort_cli.terminal import printable
from skysort_cli.writers import SHOWN_FEATURES, explanation, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from skysort_cli.pictures import Record

# Nobody reads more on a screen, and rich lays out some thousand rows a second.
MOST_ROWS: Final = 500
# Screens on which a table of the usual columns, and of each more, would break every cell.
_NARROW: Final = 60
_USUAL_COLUMNS: Final = 4
_COLUMN: Final = 8


class TerminalTable:
    """Collects records and prints them as one table.

    rows: whether records are rows of tables, told with their number. names: whether those rows have names of their own
    and say which part of the model answered. files: whether to name the file of each. top_k: classes shown.
    """

    def __init__(
        self, console: Console, *, rows: bool, files: bool, names: bool = True, top_k: int = 1, explain: bool = False
    ) -> None:
        self._console = console
        self._rows = rows
        self._names = rows and names
        self._files = files
        self._top_k = top_k
        self._explain = explain
        self._records: list[Record] = []
        self._left_out = 0
        self._labels: Counter[str] = Counter()

    def write(self, record: Record) -> None:
        """Take one record."""
        if "predictions" in record:
            self._labels[record["predictions"][0]["label"]] += 1
        if len(self._records) < MOST_ROWS:
            self._records.append(record)
        else:
            self._left_out += 1

    def close(self) -> None:
        """Print the table."""
        if not self._records:
            return
        columns = self._columns()
        if self._console.width < _NARROW + _COLUMN * (len(columns) - _USUAL_COLUMNS):
            self._stacked()
        else:
            table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
            for name, options in columns.items():
                table.add_column(name, **options)
            for record in self._records:
                table.add_row(*self._row(record))
            self._console.print(table)
        if self._left_out:
            counted = ", ".join(f"{printable(label)} {count:,}" for label, count in self._labels.most_common(8))
            self._console.print(
                Text(f"and {self._left_out:,} more rows, which --out FILE would hold; in all: {counted}", style="dim")
            )

    def _stacked(self) -> None:
        """One line below the other, where cells beside each other would not be readable."""
        for record in self._records:
            place = [record["file"]] if self._files else []
            place += [f"row {_rows(record)}"] if self._rows and "row" in record else []
            place += [record["id"]] if self._names and record.get("id") else []
            self._console.print(Text(printable(", ".join(place)), style="bold"))
            for line in self._lines(record):
                self._console.print(Padding(line, (0, 0, 0, 2)))

    def _lines(self, record: Record) -> Iterator[Text]:
        if "error" in record:
            yield Text(f"refused: {printable(sentence(record))}", style="red")
            return
        if "result_file" in record:
            yield _text(f"classified: {record['result_file']}")
            return
        for at, found in enumerate(record["predictions"][: self._top_k]):
            yield _chance(found["probability"], best=at == 0).append(f"  {printable(found['label'])}")
        if len(record["prediction_set"]) > 1:
            yield _text(f"one of {', '.join(record['prediction_set'])}")
        if self._explain:
            yield _text(f"because {explanation(record, SHOWN_FEATURES).replace(';', ', ')}")

    def _columns(self) -> dict[str, dict[str, Any]]:
        columns: dict[str, dict[str, Any]] = {}
        if self._files:
            columns["file"] = {"overflow": "fold", "min_width": 8}
        if self._rows:
            columns["row"] = {"justify": "right", "no_wrap": True}
        if self._names:
            columns["id"] = {"overflow": "fold"}
        columns["class"] = {"overflow": "fold", "min_width": 8}
        columns["probability"] = {"justify": "right", "no_wrap": True}
        columns["one of (90 %)"] = {"overflow": "fold", "min_width": 8}
        if self._names:
            columns["from"] = {"overflow": "fold"}
        if self._explain:
            columns["because"] = {"overflow": "fold"}
        return columns

    def _row(self, record: Record) -> list[Text]:
        place = [_text(record["file"])] if self._files else []
        if self._rows:
            place.append(_text(_rows(record)))
        if self._names:
            place.append(_text(record.get("id", "")))
        if "error" in record:
            return [*place, Text("refused", style="red"), Text(), Text(printable(sentence(record)), style="red")]
        if "result_file" in record:
            return [*place, Text("classified", style="bold"), Text(), _text(record["result_file"])]
        predictions = record["predictions"][: self._top_k]
        classes = Text("\n").join(
            Text(printable(found["label"]), style="bold" if at == 0 else "dim") for at, found in enumerate(predictions)
        )
        chances = Text("\n").join(_chance(found["probability"], best=at == 0) for at, found in enumerate(predictions))
        row = [*place, classes, chances, _text(", ".join(record["prediction_set"]))]
        if self._names:
            row.append(_text(str(record.get("variant", "")).replace("_", " ")))
        if self._explain:
            row.append(Text("\n").join(map(_text, explanation(record, SHOWN_FEATURES).split(";"))))
        return row


def _rows(record: Record) -> str:
    first, last = record.get("row", ""), record.get("last_row")
    return f"{first}-{last}" if last else str(first)


def _text(value: object) -> Text:
    return Text(printable(value))


def _chance(chance: float, *, best: bool) -> Text:
    shown = f"{chance:.1%}" if chance < 0.9995 else ">99.9%"  # noqa: PLR2004 - nothing is certain
    return Text(shown, style=("green" if chance >= 0.9 else "yellow") if best else "dim")  # noqa: PLR2004
