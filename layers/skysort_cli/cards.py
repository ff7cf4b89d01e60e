"""Model cards on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from skysort_cli.classifiers import spelling
from skysort_cli.layout import card_table, section, text
from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

_LABELS_SHOWN: Final = 20
# Digits of a version that are shown.
SHORT: Final = 12
_SCORES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top_5": "top 5",
    "ece_after": "calibration error",
    "ece": "calibration error",
}


def show_list(built_in: Sequence[Mapping[str, Any]], trained: Sequence[Mapping[str, Any]], screen: Console) -> None:
    """Print one line per model."""
    table = card_table("model", "version", ">classes", "architecture")
    for card in built_in:
        version, classes = text(card.get("version", "")), text(f"{len(card.get('labels', ())):,}")
        table.add_row(text(card["name"], "bold"), version, classes, text(card.get("architecture", "")))
    screen.print(table)
    if trained:
        screen.print()
        _trained_list(trained, screen)
    screen.print(Text("skysort models NAME shows a card", style="dim"))


def _trained_list(trained: Sequence[Mapping[str, Any]], screen: Console) -> None:
    table = card_table("trained model", "live version", ">classes", ">accuracy", ">versions", "trained")
    for model in trained:
        accuracy = model.get("accuracy")
        accuracy = accuracy.get("value") if isinstance(accuracy, dict) else accuracy
        table.add_row(
            text(spelling(model["kind"], model["name"]), "bold"),
            text(str(model.get("live") or "none")[:SHORT]),
            text(f"{len(model.get('labels') or ()):,}"),
            text("" if accuracy is None else f"{accuracy:.3f}"),
            text(f"{model.get('versions', 0):,}"),
            text(str(model.get("created") or "")[:10]),
        )
    screen.print(table)


def show_card(card: Mapping[str, Any], screen: Console) -> None:
    """Print a card in sections: what the model is, its held-out metrics, and its limitations."""
    screen.print(text(f"{card['name']} {card.get('version', '')}", "bold"))
    screen.print(text(card.get("architecture", "")))
    section(screen, "For", card.get("intended_use"))
    scores_table(screen, dict(_variants(card)))
    for name, part in _variants(card):
        per_class_table(screen, "" if name == card["name"] else name, part)
    labels = card.get("labels", ())
    more = f", and {len(labels) - _LABELS_SHOWN:,} more" if len(labels) > _LABELS_SHOWN else ""
    section(screen, f"{len(labels):,} labels", ", ".join(map(printable, labels[:_LABELS_SHOWN])) + more)
    subsets = [f"{name} ({len(members)})" for name, members in card.get("subsets", {}).items()]
    section(screen, "Subsets", ", ".join(subsets))
    files = card_table("", ">bytes", "sha256")
    for _, part in _variants(card):
        if "file" in part:
            files.add_row(text(part["file"]), text(f"{part.get('bytes', 0):,}"), text(part.get("sha256", "")))
    if files.row_count:
        section(screen, "Files", files)
    section(screen, "Licence", card.get("licence"))
    section(screen, "Attribution", card.get("attribution"))
    section(screen, "Trained with", card.get("command"))
    section(screen, "Limitations", *(f"- {limitation}" for limitation in card.get("limitations", ())))


def _variants(card: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a model with their own metrics and file: its variants, or the model itself."""
    yield from card.get("variants", {card["name"]: card}).items()


def scores_table(
    screen: Console, parts: Mapping[str, Mapping[str, Any]], title: str = "Held out, with 95 % intervals"
) -> None:
    """Print the scores of each part of a model, by its name."""
    measured = [(name, part.get("metrics") or {}) for name, part in parts.items()]
    columns = [score for score in _SCORES if any(score in metrics for _, metrics in measured)]
    if not columns:
        return
    table = card_table("", ">of", *(f">{_SCORES[score]}" for score in columns))
    for name, metrics in measured:
        cells = [_score(metrics.get(score)) for score in columns]
        table.add_row(text(name), text(f"{metrics.get('rows', metrics.get('examples', 0)):,}"), *cells)
    section(screen, title, table)


def per_class_table(screen: Console, name: str, part: Mapping[str, Any]) -> None:
    """Print precision, recall and F1 of each class. name: of a part of the model, empty for the whole."""
    per_class = (part.get("metrics") or {}).get("per_class", {})
    if not per_class or len(per_class) > _LABELS_SHOWN:
        return
    table = card_table("", ">precision", ">recall", ">F1", ">of")
    for label, scores in per_class.items():
        cells = [_score(scores.get(key)) for key in ("precision", "recall", "f1")]
        table.add_row(text(label), *cells, text(f"{scores.get('rows', 0):,}"))
    section(screen, f"By class, {name}" if name else "By class", table)


def _score(score: Any) -> Text:
    if isinstance(score, dict) and "value" in score:
        low, high = score.get("low"), score.get("high")
        between = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
        return Text(f"{score['value']:.3f}{between}")
    return Text(f"{score:.3f}" if isinstance(score, int | float) else "")
