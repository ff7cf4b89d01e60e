"""Terminal output with rich: tables of records, and model cards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from skysort_cli.output import SHOWN_FEATURES, Writer, error_message, explanation
from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console, RenderableType

    from skysort_cli.output import Record

# More is unreadable on a screen, and rich lays out about a thousand rows per second.
MAX_ROWS: Final = 500
# Minimum width of a table with the usual columns, and of each further column; narrower ones would break every cell.
_NARROW: Final = 60
_USUAL_COLUMNS: Final = 4
_COLUMN: Final = 8
_LABELS_SHOWN: Final = 20
_SCORES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top_5": "top 5",
    "ece_after": "calibration error",
}
_FOLDED: Final[dict[str, Any]] = {"overflow": "fold"}
_WIDE: Final[dict[str, Any]] = {"overflow": "fold", "min_width": 8}
_NUMBER: Final[dict[str, Any]] = {"justify": "right", "no_wrap": True}


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def _text(value: object, style: str = "") -> Text:
    return Text(printable(value), style=style)


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
    _labels: Counter[str] = field(default_factory=Counter)

    def write(self, record: Record) -> None:
        """Collect one record."""
        if "predictions" in record:
            self._labels[record["predictions"][0]["label"]] += 1
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
            table = _table()
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
            self.console.print(_text(", ".join(title), "bold"))
            for line in self._lines(record):
                _indented(self.console, line)

    def _lines(self, record: Record) -> Iterator[Text]:
        if "error" in record:
            yield _text(f"refused: {error_message(record)}", "red")
            return
        if "result_file" in record:
            yield _text(f"classified: {record['result_file']}")
            return
        for index, prediction in enumerate(record["predictions"][: self.top_k]):
            probability = _probability(prediction["probability"], best=index == 0)
            yield probability.append(f"  {printable(prediction['label'])}")
        if len(record["prediction_set"]) > 1:
            yield _text(f"one of {', '.join(record['prediction_set'])}")
        if self.explain:
            yield _text(f"because {explanation(record, SHOWN_FEATURES).replace(';', ', ')}")

    def _columns(self) -> dict[str, dict[str, Any]]:
        return {
            **({"file": _WIDE} if self.files else {}),
            **({"row": _NUMBER} if self.rows else {}),
            **({"id": _FOLDED} if self.rows and self.names else {}),
            "class": _WIDE,
            "probability": _NUMBER,
            "one of (90 %)": _WIDE,
            **({"from": _FOLDED} if self.rows and self.names else {}),
            **({"because": _FOLDED} if self.explain else {}),
        }

    def _row(self, record: Record) -> list[Text]:
        cells = [_text(record["file"])] if self.files else []
        cells += [_text(_rows(record))] if self.rows else []
        cells += [_text(record.get("id", ""))] if self.rows and self.names else []
        if "error" in record:
            return [*cells, Text("refused", style="red"), Text(), _text(error_message(record), "red")]
        if "result_file" in record:
            return [*cells, Text("classified", style="bold"), Text(), _text(record["result_file"])]
        predictions = list(enumerate(record["predictions"][: self.top_k]))
        line = Text("\n")
        row = [
            *cells,
            line.join(_text(item["label"], "dim" if index else "bold") for index, item in predictions),
            line.join(_probability(item["probability"], best=index == 0) for index, item in predictions),
            _text(", ".join(record["prediction_set"])),
        ]
        if self.rows and self.names:
            row.append(_text(str(record.get("variant", "")).replace("_", " ")))
        if self.explain:
            row.append(line.join(map(_text, explanation(record, SHOWN_FEATURES).split(";"))))
        return row


def _rows(record: Record) -> str:
    first, last = record.get("row", ""), record.get("last_row")
    return f"{first}-{last}" if last else str(first)


def _probability(probability: float, *, best: bool) -> Text:
    shown = f"{probability:.1%}" if probability < 0.9995 else ">99.9%"  # noqa: PLR2004 - nothing is certain
    return Text(shown, style=("green" if probability >= 0.9 else "yellow") if best else "dim")  # noqa: PLR2004


def show_list(cards: Sequence[Mapping[str, Any]], screen: Console) -> None:
    """Print one line per model."""
    table = _card_table("model", "version", ">classes", "architecture")
    for card in cards:
        version, classes = _text(card.get("version", "")), _text(f"{len(card.get('labels', ())):,}")
        table.add_row(_text(card["name"], "bold"), version, classes, _text(card.get("architecture", "")))
    screen.print(table)
    screen.print(Text("skysort models NAME shows a card", style="dim"))


def show_card(card: Mapping[str, Any], screen: Console) -> None:
    """Print a card in sections: what the model is, its held-out metrics, and its limitations."""
    screen.print(_text(f"{card['name']} {card.get('version', '')}", "bold"))
    screen.print(_text(card.get("architecture", "")))
    _section(screen, "For", card.get("intended_use"))
    _scores(screen, card)
    _per_class(screen, card)
    labels = card.get("labels", ())
    more = f", and {len(labels) - _LABELS_SHOWN:,} more" if len(labels) > _LABELS_SHOWN else ""
    _section(screen, f"{len(labels):,} labels", ", ".join(map(printable, labels[:_LABELS_SHOWN])) + more)
    subsets = [f"{name} ({len(members)})" for name, members in card.get("subsets", {}).items()]
    _section(screen, "Subsets", ", ".join(subsets))
    files = _card_table("", ">bytes", "sha256")
    for _, part in _variants(card):
        if "file" in part:
            files.add_row(_text(part["file"]), _text(f"{part.get('bytes', 0):,}"), _text(part.get("sha256", "")))
    if files.row_count:
        _section(screen, "Files", files)
    _section(screen, "Licence", card.get("licence"))
    _section(screen, "Attribution", card.get("attribution"))
    _section(screen, "Trained with", card.get("command"))
    _section(screen, "Limitations", *(f"- {limitation}" for limitation in card.get("limitations", ())))


def _variants(card: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a model with their own metrics and file: its variants, or the model itself."""
    yield from card.get("variants", {card["name"]: card}).items()


def _scores(screen: Console, card: Mapping[str, Any]) -> None:
    measured = [(name, part.get("metrics", {})) for name, part in _variants(card)]
    columns = [score for score in _SCORES if any(score in metrics for _, metrics in measured)]
    if not columns:
        return
    table = _card_table("", ">of", *(f">{_SCORES[score]}" for score in columns))
    for name, metrics in measured:
        cells = [_score(metrics.get(score)) for score in columns]
        table.add_row(_text(name), _text(f"{metrics.get('rows', 0):,}"), *cells)
    _section(screen, "Held out, with 95 % intervals", table)


def _per_class(screen: Console, card: Mapping[str, Any]) -> None:
    for name, part in _variants(card):
        per_class = part.get("metrics", {}).get("per_class", {})
        if not per_class or len(per_class) > _LABELS_SHOWN:
            continue
        table = _card_table("", ">precision", ">recall", ">F1", ">of")
        for label, scores in per_class.items():
            cells = [_score(scores.get(key)) for key in ("precision", "recall", "f1")]
            table.add_row(_text(label), *cells, _text(f"{scores.get('rows', 0):,}"))
        _section(screen, "By class" if name == card["name"] else f"By class, {name}", table)


def _score(score: Any) -> Text:
    if isinstance(score, dict) and "value" in score:
        low, high = score.get("low"), score.get("high")
        between = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
        return Text(f"{score['value']:.3f}{between}")
    return Text(f"{score:.3f}" if isinstance(score, int | float) else "")


def _section(screen: Console, title: str, *contents: Table | str | None) -> None:
    """Print a heading and its contents, if there are any."""
    if not any(contents):
        return
    screen.print()
    screen.print(Text(title, style="bold"))
    for content in contents:
        _indented(screen, content if isinstance(content, Table) else _text(content))


def _indented(screen: Console, content: RenderableType) -> None:
    screen.print(Padding(content, (0, 0, 0, 2)))


def _card_table(*columns: str) -> Table:
    """A plain table; > before a column's name aligns it right."""
    table = _table()
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table
