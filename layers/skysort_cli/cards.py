"""Model cards for people: what a model is, how good it was on what it never saw, and what to mind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

_LABELS_SHOWN: Final = 20
_SCORES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top_5": "top 5",
    "ece_after": "calibration error",
}


def show_list(cards: Sequence[Mapping[str, Any]], screen: Console) -> None:
    """One line a model."""
    table = _table("model", "version", ">classes", "architecture")
    for card in cards:
        labels = card.get("labels", ())
        table.add_row(
            Text(printable(card["name"]), style="bold"),
            _text(card.get("version", "")),
            _text(f"{len(labels):,}"),
            _text(card.get("architecture", "")),
        )
    screen.print(table)
    screen.print(Text("skysort models NAME shows a card", style="dim"))


def show_card(card: Mapping[str, Any], screen: Console) -> None:
    """The whole card in sections."""
    screen.print(Text(f"{printable(card['name'])} {printable(card.get('version', ''))}", style="bold"))
    screen.print(_text(card.get("architecture", "")))
    _section(screen, "For", card.get("intended_use"))
    _scores(screen, card)
    _per_class(screen, card)
    labels = [printable(label) for label in card.get("labels", ())]
    more = f", and {len(labels) - _LABELS_SHOWN:,} more" if len(labels) > _LABELS_SHOWN else ""
    _section(screen, f"{len(labels):,} labels", ", ".join(labels[:_LABELS_SHOWN]) + more)
    subsets = {name: len(members) for name, members in card.get("subsets", {}).items()}
    _section(screen, "Subsets", ", ".join(f"{name} ({count})" for name, count in subsets.items()))
    _files(screen, card)
    _section(screen, "Licence", card.get("licence"))
    _section(screen, "Attribution", card.get("attribution"))
    _section(screen, "Made by", card.get("command"))
    limitations = card.get("limitations", ())
    if limitations:
        _heading(screen, "Mind")
        for limitation in limitations:
            screen.print(Padding(_text(f"- {limitation}"), (0, 0, 0, 2)))


def _variants(card: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a model that have scores and a file of their own: variants, or the model itself."""
    yield from card.get("variants", {card["name"]: card}).items()


def _scores(screen: Console, card: Mapping[str, Any]) -> None:
    measured = [(name, part.get("metrics", {})) for name, part in _variants(card)]
    known = [score for score in _SCORES if any(score in metrics for _, metrics in measured)]
    if not known:
        return
    _heading(screen, "Held out, with 95 % intervals")
    table = _table("", ">of", *(f">{_SCORES[score]}" for score in known))
    for name, metrics in measured:
        cells = [_text(_score(metrics.get(score))) for score in known]
        table.add_row(Text(printable(name)), _text(f"{metrics.get('rows', 0):,}"), *cells)
    screen.print(Padding(table, (0, 0, 0, 2)))


def _per_class(screen: Console, card: Mapping[str, Any]) -> None:
    for name, part in _variants(card):
        per_class = part.get("metrics", {}).get("per_class", {})
        if not per_class or len(per_class) > _LABELS_SHOWN:
            continue
        _heading(screen, "By class" if name == card["name"] else f"By class, {name}")
        table = _table("", ">precision", ">recall", ">F1", ">of")
        for label, scores in per_class.items():
            cells = [_text(_score(scores.get(key))) for key in ("precision", "recall", "f1")]
            table.add_row(_text(label), *cells, _text(f"{scores.get('rows', 0):,}"))
        screen.print(Padding(table, (0, 0, 0, 2)))


def _files(screen: Console, card: Mapping[str, Any]) -> None:
    table = _table("", ">bytes", "sha256")
    for _, part in _variants(card):
        if "file" in part:
            table.add_row(_text(part["file"]), _text(f"{part.get('bytes', 0):,}"), _text(part.get("sha256", "")))
    if table.row_count:
        _heading(screen, "Files")
        screen.print(Padding(table, (0, 0, 0, 2)))


def _score(found: Any) -> str:
    if isinstance(found, dict) and "value" in found:
        low, high = found.get("low"), found.get("high")
        between = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
        return f"{found['value']:.3f}{between}"
    return f"{found:.3f}" if isinstance(found, int | float) else ""


def _section(screen: Console, title: str, text: object) -> None:
    if text:
        _heading(screen, title)
        screen.print(Padding(_text(text), (0, 0, 0, 2)))


def _heading(screen: Console, title: str) -> None:
    screen.print()
    screen.print(Text(title, style="bold"))


def _table(*columns: str) -> Table:
    """A plain table; > before a column's name sets it right."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table


def _text(value: object) -> Text:
    return Text(printable(value))
