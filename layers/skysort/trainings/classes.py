"""The classes of labelled files: from folder names, without copies, and with enough examples each."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from skysort.errors import InputError, LimitExceededError
from skysort.limits import TRAINING_CLASSES, TRAINING_CLASSES_MIN, TRAINING_PICTURES_PER_CLASS_MIN
from skysort.registry.names import label_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Folders of a split, above those of the classes: here the folds decide what is held out.
_SPLITS: Final = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
# Files beside the folders of a data set that say nothing of where its classes begin.
_NOTE_SUFFIXES: Final = frozenset(
    {".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".yaml", ".yml", ".xml", ".html", ".pdf", ".py", ".ipynb"}
)
_NOTE_STEMS: Final = frozenset({"readme", "license", "licence", "copying", "notice", "changelog"})
_CLASSES_NAMED: Final = 5


class Why(StrEnum):
    """Why a file is left out."""

    DUPLICATE = "duplicate"
    CONFLICTING = "conflicting"
    UNREADABLE = "unreadable"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that is left out, with the reason as a sentence. label: its class, empty if it has none."""

    file: str
    reason: str
    why: Why
    label: str = ""


def refusals(documents: Iterable[Mapping[str, str]]) -> tuple[Refusal, ...]:
    """The refusals of their JSON documents."""
    return tuple(Refusal(each["file"], each["reason"], Why(each["why"]), each["label"]) for each in documents)


def labelled(names: Sequence[str]) -> tuple[dict[str, str], list[Refusal]]:
    """The class of every file: its top folder.

    A folder around all of them is not a class, as archives of one folder have it; neither are ``train`` and ``test``
    around folders of classes, whose pictures are put together. Texts like a README may lie beside any of them.

    Parameters
    ----------
    names
        Relative paths of files.

    Returns
    -------
    Classes by name, and the files that are in no class's folder.

    Raises
    ------
    InputError
        If a folder cannot be a class's name.
    """
    paths = {name: [part for part in name.split("/") if part] for name in names}
    # A text beside the folders does not make them one level of classes.
    pictures = [parts for name, parts in paths.items() if not _is_note(name)] or list(paths.values())
    above = 0
    while pictures and all(len(parts) > above + 2 for parts in pictures):
        tops = {parts[above] for parts in pictures}
        if len(tops) > 1 and not {top.lower() for top in tops} <= _SPLITS:
            break
        above += 1
    classes = {_label(parts[above]) for parts in pictures if len(parts) > above + 1}
    labels = {name: _label(parts[above]) for name, parts in paths.items() if len(parts) > above + 1}
    labels = {name: label for name, label in labels.items() if label in classes}
    for label in sorted(set(labels.values())):
        if fault := label_fault(label):
            raise InputError(f"The folder {label!r:.80} cannot be a class: its name {fault}.")
    outside = [
        Refusal(name, "is in no folder, and so in no class", Why.OUTSIDE) for name in paths if name not in labels
    ]
    return labels, outside


def _label(folder: str) -> str:
    # Archives made on macOS have accents apart from their letters: the same class all the same.
    return unicodedata.normalize("NFC", folder).strip()


def _is_note(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in _NOTE_SUFFIXES or path.stem in _NOTE_STEMS


def copies(files: Iterable[tuple[str, str, str]]) -> dict[str, Refusal]:
    """The files to leave out because others have the same bytes.

    Parameters
    ----------
    files
        Name, class and digest of each; files without a digest have no copy.

    Returns
    -------
    Refusals by name: of copies within a class all but the first, of copies in different classes all.
    """
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, label, digest in files:
        if digest:
            alike.setdefault(digest, []).append((name, label))
    out = {}
    for group in alike.values():
        first, label = group[0]
        if len({each for _, each in group}) > 1:
            for name, own in group:
                other, its = next((n, c) for n, c in group if c != own)
                reason = f"is the same picture as {other} in class {its!r}; neither is used"
                out[name] = Refusal(name, reason, Why.CONFLICTING, own)
        else:
            for name, _ in group[1:]:
                out[name] = Refusal(name, f"is the same file as {first}", Why.DUPLICATE, label)
    return out


def check_classes(usable: Mapping[str, int], refused: Sequence[Refusal]) -> None:
    """Check that there are enough classes, with enough pictures each.

    Parameters
    ----------
    usable
        Pictures of each class.
    refused
        What was left out, which the message counts.

    Raises
    ------
    InputError
        With a sentence that names the class, what it has, and why not more.
    LimitExceededError
        There are too many classes.
    """
    counts = dict.fromkeys(sorted({*usable, *(each.label for each in refused if each.label)}), 0) | dict(usable)
    if len(counts) < TRAINING_CLASSES_MIN:
        there = " and ".join(f"one class, {label!r}, of {count}" for label, count in counts.items())
        raise InputError(
            f"At least {TRAINING_CLASSES_MIN} classes are needed, each a folder of pictures; "
            f"there is {there or 'no folder with pictures'}{_left_out(refused)}."
        )
    if len(counts) > TRAINING_CLASSES:
        raise LimitExceededError(
            f"A model may have up to {TRAINING_CLASSES} classes; there are {len(counts):,} folders."
        )
    small = {label: count for label, count in counts.items() if count < TRAINING_PICTURES_PER_CLASS_MIN}
    if small:
        named = "; ".join(
            f"class {label!r} has {count}{_left_out([each for each in refused if each.label == label])}"
            for label, count in list(small.items())[:_CLASSES_NAMED]
        )
        more = f"; and {len(small) - _CLASSES_NAMED:,} more classes" if len(small) > _CLASSES_NAMED else ""
        raise InputError(
            f"Every class needs at least {TRAINING_PICTURES_PER_CLASS_MIN} different pictures that can be read; "
            f"{named}{more}."
        )


def _left_out(refused: Sequence[Refusal]) -> str:
    """What was left out, and the first reason: `` (2 duplicate and 1 unreadable: a/b.jpg ... were left out)``."""
    if not refused:
        return ""
    kinds = [f"{sum(each.why is why for each in refused)} {why}" for why in Why if any(r.why is why for r in refused)]
    first = refused[0]
    return f" (left out: {', '.join(kinds)}; {first.file:.80}: {first.reason:.200})"
