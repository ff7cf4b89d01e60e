"""Names of trained models, trainings, versions and class labels: which are valid, and how they are spelled."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from skysort.errors import FieldError, InvalidFieldsError
from skysort.limits import LABEL_CHARACTERS, MODEL_NAME_CHARACTERS, VERSION_PREFIX_DIGITS
from skysort.models import CUSTOM, CUSTOM_ROWS, FAMILIES, MODELS, TRAINING


class Kind(StrEnum):
    """What a trained model classifies."""

    PICTURES = "pictures"
    STAR = "star"


# For JSON schemas too, hence with anchors.
NAME_PATTERN: Final = rf"^[a-z][a-z0-9_-]{{0,{MODEL_NAME_CHARACTERS - 1}}}$"
# The first segment of a trained model's spelled name, and of the keys of its dropped files.
SPELLED: Final = {Kind.PICTURES: CUSTOM.name, Kind.STAR: CUSTOM_ROWS}
# Of both, for JSON schemas.
SPELLED_PATTERN: Final = rf"^({'|'.join(FAMILIES)})/{NAME_PATTERN[1:]}"
_KIND_OF: Final = {spelled: kind for kind, spelled in SPELLED.items()}
RESERVED: Final = frozenset({*MODELS, *_KIND_OF, TRAINING})
VERSION_PATTERN: Final = rf"^[0-9a-f]{{{VERSION_PREFIX_DIGITS},64}}$"
VERSION_DIGITS: Final = 64
SHOWN_DIGITS: Final = 12
TRAINING_PATTERN: Final = r"^(pictures|star)-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"
_NAME: Final = re.compile(NAME_PATTERN[1:-1])
_VERSION: Final = re.compile(VERSION_PATTERN[1:-1])
_TRAINING: Final = re.compile(TRAINING_PATTERN[1:-1])
# Control characters, line and paragraph separators, direction overrides, both slashes, and half surrogates.
_UNSAFE_IN_LABEL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069/\\\ud800-\udfff]")

# Archives and downloads have a folder for each class: these would lead out of them.
_NO_FOLDERS: Final = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class TrainedName:
    """A trained model as callers spell it: ``custom/NAME`` or ``custom-star/NAME``."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{SPELLED[self.kind]}/{self.name}"


def spelled(text: str) -> TrainedName | None:
    """The trained model of a spelled name, None if the text is not one."""
    first, slash, name = text.partition("/")
    kind = _KIND_OF.get(first)
    if kind is None or not slash or name_fault(name):
        return None
    return TrainedName(kind, name)


def name_fault(name: str) -> str | None:
    """The fault of a trained model's name, None if it is valid."""
    if not _NAME.fullmatch(name):
        return (
            "must begin with a lower-case letter and have only lower-case letters, digits, hyphens and underscores, "
            f"at most {MODEL_NAME_CHARACTERS} characters"
        )
    return f"is reserved; choose a name other than {', '.join(sorted(RESERVED))}" if name in RESERVED else None


def checked_name(name: str) -> str:
    """A valid name of a trained model; raises InvalidFieldsError."""
    fault = name_fault(name)
    if fault:
        raise InvalidFieldsError([FieldError("name", "bad_name", f"{name!r:.60} {fault}")])
    return name


def label_fault(label: str) -> str | None:
    """The fault of a class label, None if it is valid."""
    if not label.strip():
        return "is empty; a class needs a name"
    if len(label) > LABEL_CHARACTERS:
        return f"has {len(label)} characters; at most {LABEL_CHARACTERS} are allowed"
    if label.strip() in _NO_FOLDERS:
        return f"is {label!r}, which is no folder of its own"
    unsafe = _UNSAFE_IN_LABEL.search(label)
    return f"contains {unsafe[0]!a}, which is not allowed in a class's name" if unsafe else None


def is_version(text: str) -> bool:
    """Whether a text is a version or a prefix that is long enough to stand for one."""
    return _VERSION.fullmatch(text) is not None


def is_training(text: str) -> bool:
    """Whether a text is a training's id."""
    return _TRAINING.fullmatch(text) is not None


def new_training(kind: Kind, now: datetime | None = None) -> str:
    """An id for a training: its kind, the time in UTC, and 24 random bits."""
    return f"{kind}-{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
