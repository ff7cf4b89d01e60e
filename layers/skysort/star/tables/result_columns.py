"""The columns that a classified table has more than the dropped one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysort.star.model import Classification

PREFIX: Final = "skysort_"


def is_appended(name: str) -> bool:
    """Whether a column was appended by an earlier classification, and so is to be replaced."""
    return name.strip().strip('"').lower().startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Described:
    """What a format that describes its columns says of an appended one.

    ucd: of IVOA's UCD1+ controlled vocabulary. text: at most 68 characters, so that a FITS card holds it.
    numeric: whether it is a number, and so has a unit (none: a probability).
    """

    ucd: str
    text: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """The appended values of k classified rows, in the columns' order.

    Texts come as codes into a short list, since they take few values.
    label: (k,) index into ResultColumns.labels. probabilities: (k, classes) float32.
    members: (k,) index into ResultColumns.sets. variant: (k,) index into ResultColumns.variants.
    """

    label: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    members: NDArray[np.intp]
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
    def probability_names(self) -> tuple[str, ...]:
        """One column a class: the calibrated probability."""
        return tuple(f"{PREFIX}p_{label.lower()}" for label in self.labels)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All appended columns in order."""
        return (
            f"{PREFIX}class",
            *self.probability_names,
            f"{PREFIX}set",
            f"{PREFIX}variant",
            f"{PREFIX}model",
        )

    @cached_property
    def described(self) -> tuple[Described, ...]:
        """UCD and description of each appended column, in the order of `names`."""
        return (
            Described("meta.code.class", "most probable class"),
            *(Described("stat.probability", f"calibrated probability of {label}", True) for label in self.labels),
            Described("meta.code.class", "classes that hold the true one in nine of ten cases"),
            Described("meta.code", "what was used: photometry_only or with_redshift"),
            Described("meta.version", "model and version that classified the row"),
        )

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """Every prediction set, indexed by its members' bits: labels joined with ``|``."""
        return tuple(
            "|".join(label for bit, label in enumerate(self.labels) if code >> bit & 1)
            for code in range(1 << len(self.labels))
        )

    @cached_property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The columns' types, as `columns` gives them."""
        return [column.dtype for column in self.columns(self.nothing)]

    @property
    def nothing(self) -> Values:
        """The appended values of no row."""
        none = np.zeros(0, np.intp)
        return Values(none, np.zeros((0, len(self.labels)), np.float32), none, none)

    def values(self, classified: Classification) -> Values:
        """The appended values of classified rows."""
        return Values(
            classified.probabilities.argmax(axis=1),
            classified.probabilities,
            classified.members @ self._weights,
            classified.with_redshift.astype(np.intp),
        )

    def columns(self, values: Values) -> list[NDArray[np.generic]]:
        """The appended columns as arrays: fixed-width byte strings, and float32 probabilities."""
        probabilities = [values.probabilities[:, index] for index in range(len(self.labels))]
        return [
            _vocabulary(self.labels)[values.label],
            *probabilities,
            _vocabulary(self.sets)[values.members],
            _vocabulary(self.variants)[values.variant],
            _vocabulary((self.model,))[np.zeros(len(values.label), np.intp)],
        ]


def _vocabulary(texts: Iterable[str]) -> NDArray[np.bytes_]:
    return np.array([text.encode("ascii") for text in texts], dtype=np.bytes_)
