"""The columns that classification appends to a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysort.star.model import Classification

PREFIX: Final = "skysort_"


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
    label: (k,) index into ResultColumns.labels. probabilities: (k, classes) float32.
    prediction_set: (k,) index into ResultColumns.sets. variant: (k,) index into ResultColumns.variants.
    """

    label: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    prediction_set: NDArray[np.intp]
    variant: NDArray[np.intp]


class ResultColumns:
    """Names and vocabulary of the appended columns for one model.

    labels: its classes. model: name and version, ``star 1.0.0``.
    """

    def __init__(self, labels: Iterable[str], model: str) -> None:
        self.labels = tuple(labels)
        self.model = model
        self.variants = (PHOTOMETRY_ONLY, WITH_REDSHIFT)
        self._weights = 1 << np.arange(len(self.labels))

    @cached_property
    def described(self) -> tuple[ResultColumn, ...]:
        """All appended columns in order."""
        return (
            ResultColumn(f"{PREFIX}class", "meta.code.class", "most probable class", _vocabulary(self.labels)),
            *(
                ResultColumn(f"{PREFIX}p_{label.lower()}", "stat.probability", f"calibrated probability of {label}")
                for label in self.labels
            ),
            ResultColumn(f"{PREFIX}set", "meta.code.class", "90 % conformal prediction set", _vocabulary(self.sets)),
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

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """All prediction sets, labels joined with ``|``, indexed by the bit mask of their members."""
        return tuple(
            "|".join(label for bit, label in enumerate(self.labels) if code >> bit & 1)
            for code in range(1 << len(self.labels))
        )

    @property
    def nothing(self) -> Values:
        """The appended values of zero rows."""
        none = np.zeros(0, np.intp)
        return Values(none, np.zeros((0, len(self.labels)), np.float32), none, none)

    def values(self, classified: Classification) -> Values:
        """The appended values of classified rows."""
        return Values(
            classified.probabilities.argmax(axis=1),
            classified.probabilities,
            classified.prediction_sets @ self._weights,
            classified.with_redshift.astype(np.intp),
        )

    def columns(self, values: Values) -> list[NDArray[np.generic]]:
        """The appended columns as arrays: fixed-width byte strings, and float32 probabilities."""
        texts = iter((values.label, values.prediction_set, values.variant, np.zeros(len(values.label), np.intp)))
        probabilities = iter(values.probabilities.T)
        return [
            next(probabilities) if column.vocabulary is None else column.vocabulary[next(texts)]
            for column in self.described
        ]


def _vocabulary(texts: Iterable[str]) -> NDArray[np.bytes_]:
    return np.array([text.encode("ascii") for text in texts], dtype=np.bytes_)
