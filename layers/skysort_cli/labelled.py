"""A labelled folder, or a zip of one: a folder a class, checked before anything is uploaded or read."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from skysort import limits
from skysort.errors import InputError
from skysort.models import PICTURES
from skysort.trainings.classes import labelled as class_labels
from skysort_cli.exits import UsageError
from skysort_cli.inputs import Input, counted, first_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SUFFIXES: Final = tuple(PICTURES.files)
_ZIP: Final = b"PK\x03\x04"
# A folder that an archiver adds.
_FOREIGN: Final = "__MACOSX"
_CLASSES_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Labelled:
    """Pictures of some classes.

    source: the folder or the zip. classes: number of pictures by class. files: the folder's pictures, named
    class/file; empty of a zip. ignored: files that are no pictures of a class.
    """

    source: Path
    classes: Mapping[str, int]
    files: Sequence[Input]
    ignored: Sequence[str]

    @property
    def is_archive(self) -> bool:
        """Whether it is a zip."""
        return not self.source.is_dir()

    def summary(self) -> str:
        """One line for people: counts by class, and what is left out."""
        counts = ", ".join(f"{label} {count:,}" for label, count in list(self.classes.items())[:_CLASSES_SHOWN])
        more = len(self.classes) - _CLASSES_SHOWN
        counts += f" and {more} more classes" if more > 0 else ""
        text = f"{sum(self.classes.values()):,} pictures of {len(self.classes)} classes: {counts}"
        return f"{text}; {self.skipped()}" if self.ignored else text

    def skipped(self) -> str:
        """One line for people: what is left out."""
        names = first_names(self.ignored)
        return f"skipped {counted(len(self.ignored))} that are no pictures in a class folder: {names}"


class ClassFolders(NamedTuple):
    """The pictures among some files by class, their names, and the other files."""

    classes: dict[str, int]
    pictures: list[str]
    ignored: list[str]


def labelled(argument: str) -> Labelled:
    """The pictures of a FOLDER_OR_ZIP argument; raises UsageError with what is wrong and what would be right."""
    path = Path(argument)
    if not path.is_dir():
        found = class_folders(argument, _members(path, argument))
        return Labelled(path, found.classes, [], found.ignored)
    names, unread = _below(path)
    found = class_folders(argument, names)
    files = [Input(str(path / name), path / name, name) for name in found.pictures]
    return Labelled(path, found.classes, files, [*found.ignored, *unread])


def class_folders(argument: str, names: Sequence[str]) -> ClassFolders:
    """Sort the files of a labelled folder, the argument, by their paths in it; raises UsageError if they do not do."""
    shown = list(filter(_is_shown, names))
    pictures = [name for name in shown if _is_picture(name)]
    try:
        labels, _ = class_labels(pictures)
    except InputError as error:
        raise UsageError(f"{argument}: {error.detail}") from error
    ignored = [name for name in shown if name not in labels]
    classes = dict(sorted(Counter(labels.values()).items()))
    if len(classes) < limits.TRAINING_CLASSES_MIN:
        raise UsageError(_too_few(argument, list(classes), sum(map(_is_picture, ignored))))
    _check(argument, classes)
    return ClassFolders(classes, list(labels), ignored)


def _below(folder: Path) -> tuple[list[str], list[str]]:
    """The paths of a folder's files relative to it, and what cannot be read."""
    names: list[str] = []
    unread: list[str] = []

    def failed(error: OSError) -> None:
        unread.append(f"{error.filename} ({error.strerror})")

    for directory, folders, files in os.walk(folder, onerror=failed):
        folders.sort()
        here = Path(directory)
        unread += [
            f"{(here / name).relative_to(folder)} (a link to a directory)"
            for name in folders
            if (here / name).is_symlink()
        ]
        names += [(here / name).relative_to(folder).as_posix() for name in sorted(files)]
    return sorted(names), unread


def _members(path: Path, argument: str) -> list[str]:
    """The names of a zip's files."""
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) != _ZIP:
                raise UsageError(f"{argument} is neither a folder nor a zip; give a folder that has a folder a class")
        with zipfile.ZipFile(path) as archive:
            return sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except FileNotFoundError as error:
        raise UsageError(f"{argument}: there is no such file or folder") from error
    except OSError as error:
        raise UsageError(f"{argument} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise UsageError(f"{argument} is a damaged zip: {error}") from error


def _is_shown(name: str) -> bool:
    """Whether a file is neither hidden nor an archiver's own."""
    parts = name.split("/")
    return _FOREIGN not in parts and not any(part.startswith(".") for part in parts)


def _is_picture(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _too_few(argument: str, classes: Sequence[str], loose: int) -> str:
    """What is wrong with no class, or one, and what would be right. loose: number of pictures in no class."""
    if classes:
        return (
            f"{argument} has pictures of one class, {classes[0]}; a classifier needs at least "
            f"{limits.TRAINING_CLASSES_MIN} classes, a folder each"
        )
    if loose:
        return (
            f"{argument} has {loose:,} picture{'s' * (loose != 1)} but no class folders; put the pictures of each "
            "class into a folder named after the class"
        )
    return f"{argument} has no pictures in class folders; it needs a folder a class, with pictures in it"


def _check(argument: str, classes: Mapping[str, int]) -> None:
    """Raise UsageError for too many classes or pictures, or too few of a class."""
    if len(classes) > limits.TRAINING_CLASSES:
        raise UsageError(f"{argument} has {len(classes):,} classes; at most {limits.TRAINING_CLASSES} are allowed")
    least = limits.TRAINING_PICTURES_PER_CLASS_MIN
    thin = [f"{label} has {count}" for label, count in classes.items() if count < least]
    if thin:
        raise UsageError(f"each class needs at least {least} pictures; {first_names(thin)}")
    total = sum(classes.values())
    if total > limits.TRAINING_PICTURES:
        raise UsageError(f"{argument} has {total:,} pictures; at most {limits.TRAINING_PICTURES:,} are allowed")
