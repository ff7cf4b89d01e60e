"""A training as people read it: how good its model is, what could not be used, what became of it, what is next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from skysort_cli.cards import SHORT, per_class_table, scores_table
from skysort_cli.classifiers import spelling
from skysort_cli.following import DONE, FAILED
from skysort_cli.inputs import counted
from skysort_cli.layout import card_table, indented, section, text
from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    Document = Mapping[str, Any]

_FILES_SHOWN: Final = 20
# More does not fit beside each other on any screen.
_MATRIX_CLASSES: Final = 12
_MOVES_SHOWN: Final = 10


def show_training(training: Document, card: Document | None, screen: Console) -> None:
    """Print a training: its report if it has ended, else its phase. card: of the version that it made."""
    name = spelling(training["kind"], training["name"])
    screen.print(text(f"{name}  {training['id']}", "bold"))
    if training["phase"] == FAILED:
        screen.print(text(f"failed: {(training.get('problem') or {}).get('detail', 'no reason given')}", "red"))
    elif training["phase"] != DONE:
        screen.print(text(f"{training['phase']}{_progress(training)}"))
    if card is not None:
        show_quality(card, screen)
    _refused(training, screen)
    if training["phase"] == DONE:
        _outcome(training, name, screen)


def show_trainings(trainings: Sequence[Document], screen: Console) -> None:
    """Print one line per training."""
    table = card_table("training", "model", "phase", "version", ">accuracy", "live")
    for training in trainings:
        promoted = training.get("promoted")
        table.add_row(
            text(training["id"], "bold"),
            text(spelling(training["kind"], training["name"])),
            text(training["phase"], "red" if training["phase"] == FAILED else ""),
            text(str(training.get("version") or "")[:SHORT]),
            _accuracy((training.get("metrics") or {}).get("accuracy")),
            text("" if promoted is None else "yes" if promoted else "no"),
        )
    screen.print(table)
    screen.print(Text("skysort trainings ID shows a report", style="dim"))


def show_model(model: Document, versions: Sequence[Document], screen: Console) -> None:
    """Print a trained model: the quality of its live version, and its versions."""
    name = spelling(model["kind"], model["name"])
    screen.print(text(f"{name}  {str(model.get('live') or 'no version is live')[:SHORT]}", "bold"))
    if model.get("card"):
        show_quality(model["card"], screen)
    table = card_table("", "made", ">accuracy", "", "training")
    for version in versions:
        table.add_row(
            text(version["version"][:SHORT], "bold" if version.get("live") else ""),
            text(str(version.get("created") or "")[:19].replace("T", " ")),
            _accuracy(version.get("accuracy")),
            text("live" if version.get("live") else ""),
            text(version.get("training") or ""),
        )
    section(screen, "Versions", table)
    moves = [
        f"{str(entry.get('promoted') or '')[:19].replace('T', ' ')}  {str(entry['version'])[:SHORT]}  "
        f"{str(entry.get('how') or '').replace('_', ' ')}"
        for entry in model.get("history") or ()
    ]
    section(screen, "Went live", *moves[:_MOVES_SHOWN])
    section(
        screen, "Limitations", *(f"- {limitation}" for limitation in (model.get("card") or {}).get("limitations", ()))
    )


def show_pointer(pointer: Document, screen: Console) -> None:
    """Print which version is live after a promotion or a rollback."""
    latest = (pointer.get("history") or [{}])[0]
    screen.print(text(f"{pointer['name']}: version {str(pointer['live'])[:SHORT]} is live", "green"))
    _compared(latest, screen)


def show_quality(card: Document, screen: Console) -> None:
    """Print the numbers of a trained model's card: scores, classes, confusion matrix, learning curve."""
    classes = (card.get("training_data") or {}).get("classes") or {}
    made = card.get("architecture")
    if classes:
        examples = f"{sum(classes.values()):,} examples of {len(classes)} classes"
        screen.print(text(f"{examples}; {made}" if made else examples))
    metrics = card.get("metrics") or {}
    split = str(metrics.get("split") or "held out")
    whole = "all" if "variants" in card else str(card.get("name", ""))
    scores_table(screen, {whole: card, **(card.get("variants") or {})}, f"Scores with 95 % intervals ({split})")
    per_class_table(screen, "", card)
    _confusion(metrics, card.get("labels", ()), screen)
    _curve(card, sum(classes.values()), screen)


def _progress(training: Document) -> str:
    progress = training.get("progress")
    return f", {progress['done']:,} of {progress['total']:,} {progress['unit']}" if progress else ""


def _confusion(metrics: Document, labels: Sequence[str], screen: Console) -> None:
    matrix = metrics.get("confusion_matrix") or []
    if not matrix or len(matrix) > _MATRIX_CLASSES:
        return
    names = [*map(printable, labels)]
    # Between columns and before the table are two blanks.
    if sum(len(name) + 2 for name in names) + max(map(len, names)) + 2 > screen.width:
        table = card_table("", *(f">{number}" for number in range(1, len(names) + 1)))
        names = [f"{number}  {name}" for number, name in enumerate(names, start=1)]
    else:
        table = card_table("", *(f">{name}" for name in names))
    for index, (label, row) in enumerate(zip(names, matrix, strict=False)):
        # Of repeated folds it is a mean.
        cells = [
            Text(f"{round(count, 1):,g}", style="bold" if column == index else "") for column, count in enumerate(row)
        ]
        table.add_row(text(label), *cells)
    section(screen, "Rows: true class. Columns: predicted class.", table)


def _curve(card: Document, examples: int, screen: Console) -> None:
    """Print the accuracy by number of examples, and what more of them would bring."""
    curve = card.get("learning_curve") or []
    lines = [f"{point['examples']:,} examples: {_interval(point['accuracy'])}" for point in curve]
    forecast = card.get("forecast")
    if forecast and curve:
        is_table = "variants" in card
        # A table's forecast is of the rows that the boosters were fitted to, without those held out.
        more = forecast["examples"] - (curve[-1]["examples"] if is_table else examples)
        gain = (forecast.get("gain") or {}).get("value")
        if gain is None:
            gain = forecast["accuracy"]["value"] - (card.get("metrics") or curve[-1])["accuracy"]["value"]
        lines.append(f"{more:,} more {'rows' if is_table else 'pictures'} would bring about {gain:+.3f}")
    section(screen, "Accuracy by number of examples", *lines)


def _interval(score: Document) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _accuracy(score: Any) -> Text:
    value = score.get("value") if isinstance(score, dict) else score
    return text("" if value is None else f"{value:.3f}")


def _refused(training: Document, screen: Console) -> None:
    refused = training.get("refused") or {}
    files = refused.get("files") or []
    lines = [f"{file['file']}: {file['reason']}" for file in files[:_FILES_SHOWN]]
    count = refused.get("count", len(files))
    if count > len(lines):
        lines.append(f"and {count - len(lines):,} more")
    section(screen, f"{counted(count)} not used", *lines)


def _outcome(training: Document, name: str, screen: Console) -> None:
    version = str(training.get("version") or "")[:SHORT]
    screen.print()
    seconds = sum((training.get("seconds") or {}).values())
    live, style = ("is live", "green") if training.get("promoted") else ("is not live", "yellow")
    screen.print(text(f"version {version} {live}; made in {seconds:.1f} s", style))
    _compared(training, screen)
    if not training.get("promoted"):
        # What was not to be promoted has not been compared: it may well be better.
        refused = " --force" if training.get("comparison") else ""
        indented(screen, text(f"skysort models promote {training['name']} {version}{refused}"))
    indented(
        screen, text(f"skysort classify {name} {'picture.jpg' if training['kind'] == 'pictures' else 'table.csv'}")
    )


def _compared(document: Document, screen: Console) -> None:
    """Print how a version compares with the one that was live, if there was one."""
    comparison = document.get("comparison") or {}
    if comparison.get("sentence") and comparison.get("verdict") != "first":
        indented(screen, text(comparison["sentence"]))
