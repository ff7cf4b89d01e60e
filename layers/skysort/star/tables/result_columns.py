"""The columns that classification appends to a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.label_names import parts_of_names
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysort.star.model import Classification

PREFIX: Final = "skysort_"
_FEW_CLASSES: Final = 8
# Characters of a set in a table, of a label in a column's name, and of a description in a FITS card.
_SET_CHARACTERS: Final = 255
_CUT: Final = "|..."
_TEXT: Final = 68


def is_appended(name: str) -> bool:
    """Whether a column was appended by an earlier classification, and will be replaced."""
    return name.strip().strip('"').lower().startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """An appended column.

    ucd: of IVOA's UCD1+ controlled vocabulary. text: a description of at most 68 characters, for a FITS card.
    vocabulary: its texts as bytes of fixed width; None for a probability, a float32.
    """

    name: str
    ucd: str
    text: str
    vocabulary: NDArray[np.bytes_] | None = None

    @property
    def numeric(self) -> bool:
        """Whether it is a number (a dimensionless probability)."""
        return self.vocabulary is None

    @property
    def width(self) -> int:
        """Bytes of a value."""
        return 4 if self.vocabulary is None else self.vocabulary.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Values:
    """The appended values of k classified rows, in the columns' order.

    Texts are codes into a short list, as they have few values.
    label: (k,) index into ResultColumns.labels. probabilities: (k, classes) float32, followed by the typicality where
    the model measures it.
    prediction_set: (k,) index into ResultColumns.sets. variant: (k,) index into ResultColumns.variants.
    """

    label: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    prediction_set: NDArray[np.intp]
    variant: NDArray[np.intp]


class ResultColumns:
    """Names and vocabulary of the appended columns for one model.

    labels: its classes. model: name and version, ``star 1.0.0``. typicality: whether there is a column of it.
    """

    def __init__(self, labels: Iterable[str], model: str, *, typicality: bool = False) -> None:
        self.labels = tuple(labels)
        self.model = model
        self.variants = (PHOTOMETRY_ONLY, WITH_REDSHIFT)
        self._typicality = typicality
        # All sets of a few classes, by the bit mask of their members; of many, those that were met.
        self._enumerated = len(self.labels) <= _FEW_CLASSES
        self._weights = 1 << np.arange(len(self.labels)) if self._enumerated else None
        count = 1 << len(self.labels) if self._enumerated else 0
        self._sets = [self._joined([code >> bit & 1 for bit in range(len(self.labels))]) for code in range(count)]
        self._codes: dict[bytes, int] = {}

    @cached_property
    def described(self) -> tuple[ResultColumn, ...]:
        """All appended columns in order."""
        return (
            ResultColumn(f"{PREFIX}class", "meta.code.class", "most probable class", _vocabulary(self.labels)),
            *(
                ResultColumn(f"{PREFIX}p_{name}", "stat.probability", f"calibrated probability of {label}"[:_TEXT])
                for label, name in zip(self.labels, parts_of_names(self.labels), strict=True)
            ),
            *(
                [
                    ResultColumn(
                        f"{PREFIX}typicality", "stat.probability", "share of held-out rows that look less typical"
                    )
                ]
                if self._typicality
                else []
            ),
            ResultColumn(f"{PREFIX}set", "meta.code.class", "90 % conformal prediction set", self._set_vocabulary()),
            ResultColumn(
                f"{PREFIX}variant",
                "meta.code",
                "what was used: photometry_only or with_redshift",
                _vocabulary(self.variants),
            ),
            ResultColumn(
                f"{PREFIX}model",
                "meta.version",
                "model and version that classified the row",
                _vocabulary((self.model,)),
            ),
        )

    @property
    def names(self) -> list[str]:
        """All appended columns' names in order."""
        return [column.name for column in self.described]

    @property
    def sets(self) -> Sequence[str]:
        """The prediction sets, labels joined with ``|``, by code; of many classes more may be added."""
        return self._sets

    @property
    def nothing(self) -> Values:
        """The appended values of zero rows."""
        none = np.zeros(0, np.intp)
        return Values(none, np.zeros((0, len(self.labels) + self._typicality), np.float32), none, none)

    def values(self, classified: Classification) -> Values:
        """The appended values of classified rows."""
        numbers = classified.probabilities
        if self._typicality and classified.typicality is not None:
            numbers = np.column_stack([numbers, classified.typicality])
        return Values(
            classified.probabilities.argmax(axis=1),
            numbers,
            self._set_codes(classified.prediction_sets),
            classified.with_redshift.astype(np.intp),
        )

    def _set_codes(self, members: NDArray[np.bool_]) -> NDArray[np.intp]:
        """(k,) index into `sets` of (k, classes) members."""
        if self._weights is not None:
            codes: NDArray[np.intp] = members @ self._weights
            return codes
        packed = [row.tobytes() for row in np.packbits(members, axis=1)]
        for key, row in zip(packed, members, strict=True):
            if key not in self._codes:
                self._codes[key] = len(self._sets)
                self._sets.append(self._joined(row.tolist()))
        return np.array([self._codes[key] for key in packed], np.intp)

    def _joined(self, members: Sequence[int]) -> str:
        """The labels of a set, cut where a table's cell would be too wide."""
        text = "|".join(label for label, member in zip(self.labels, members, strict=True) if member)
        if len(text) <= _SET_CHARACTERS or self._enumerated:
            return text
        return text[: _SET_CHARACTERS - len(_CUT)].rpartition("|")[0] + _CUT

    def _set_vocabulary(self) -> NDArray[np.bytes_]:
        """The sets known so far; as wide as any may be."""
        if self._enumerated:
            return _vocabulary(self._sets)
        width = min(_SET_CHARACTERS, len("|".join(self.labels)))
        return np.array([text.encode("ascii") for text in self._sets], dtype=f"S{width}")

    def columns(self, values: Values) -> list[NDArray[np.generic]]:
        """The appended columns as arrays: fixed-width byte strings, and float32 probabilities."""
        texts = iter((values.label, values.prediction_set, values.variant, np.zeros(len(values.label), np.intp)))
        probabilities = iter(values.probabilities.T)
        described = list(self.described)
        if not self._enumerated:
            place = next(index for index, column in enumerate(described) if column.name == f"{PREFIX}set")
            described[place] = replace(described[place], vocabulary=self._set_vocabulary())
        return [
            next(probabilities) if column.vocabulary is None else column.vocabulary[next(texts)] for column in described
        ]


def _vocabulary(texts: Iterable[str]) -> NDArray[np.bytes_]:
    return np.array([text.encode("ascii") for text in texts], dtype=np.bytes_)
