"""What a star model says of its input: how typical rows and tables are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.errors import ArtefactError
from skysort.star.mixtures import THRESHOLD, Mixtures
from skysort.star.table_judge import TableJudge
from skysort.star.table_typicality import TableTypicality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

# Of the card's entry.
ENTRY: Final = "typicality"
WITH_REDSHIFT_FILE: Final = "with_redshift"
PHOTOMETRY_FILE: Final = "photometry_only"
TABLES_FILE: Final = "tables"
EFFECTS_FILE: Final = "table_effects"
FILES: Final = (WITH_REDSHIFT_FILE, PHOTOMETRY_FILE, TABLES_FILE, EFFECTS_FILE)


class Domain:
    """The mixtures of both variants, what judges tables, and the class shares of the training data."""

    def __init__(
        self, with_redshift: Mixtures, photometric: Mixtures, tables: TableTypicality, shares: NDArray[np.float64]
    ) -> None:
        self._with_redshift = with_redshift
        self._photometric = photometric
        self.judge = TableJudge(tables, shares)
        self.shares = shares
        self.threshold = THRESHOLD

    @classmethod
    def load(cls, document: Mapping[str, Any], read: Callable[[Mapping[str, Any]], bytes]) -> Self:
        """Load what a card lists; read: a file by its entry, its hash checked. Raises ArtefactError."""
        try:
            entries = document[ENTRY]["files"]
            contents = {name: read(entries[name]) for name in FILES}
            counts = document["training_data"]["splits"]["train"]["classes"]
            objects = np.array([counts[label] for label in document["labels"]], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"the card does not describe its typicality in full: {error!r:.200}") from error
        tables = TableTypicality.load(Mixtures.load(contents[TABLES_FILE]), contents[EFFECTS_FILE])
        spectroscopic, photometric = (Mixtures.load(contents[name]) for name in (WITH_REDSHIFT_FILE, PHOTOMETRY_FILE))
        return cls(spectroscopic, photometric, tables, objects / objects.sum())

    def typicality(self, photometry: Photometry, with_redshift: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(n,) typicality of objects, with their redshift where it is used."""
        magnitudes, redshift = photometry.magnitudes, photometry.redshift
        if with_redshift.all():
            return self._with_redshift.typicality(magnitudes, redshift)
        if not with_redshift.any():
            return self._photometric.typicality(magnitudes)
        result = np.empty(len(magnitudes), np.float32)
        without = ~with_redshift
        result[with_redshift] = self._with_redshift.typicality(magnitudes[with_redshift], redshift[with_redshift])
        result[without] = self._photometric.typicality(magnitudes[without])
        return result
