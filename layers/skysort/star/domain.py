"""What a star model says of its input: how typical rows and tables are, and the shares of the classes in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort import priors
from skysort.errors import ArtefactError
from skysort.star.mixtures import THRESHOLD, Mixtures
from skysort.star.table_typicality import MOST, TableTypicality
from skysort.star.thinned import Thinned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.answers import ClassShares, TableDomain
    from skysort.star.columns import Photometry

# Of the card's entry.
ENTRY: Final = "typicality"
WITH_REDSHIFT_FILE: Final = "with_redshift"
PHOTOMETRY_FILE: Final = "photometry_only"
TABLES_FILE: Final = "tables"
EFFECTS_FILE: Final = "table_effects"
FILES: Final = (WITH_REDSHIFT_FILE, PHOTOMETRY_FILE, TABLES_FILE, EFFECTS_FILE)
# Rows whose probabilities the class shares are estimated from.
SHARES_FROM: Final = 10_000
_DIGITS: Final = 6


class Domain:
    """The mixtures of both variants, what judges tables, and the class shares of the training data."""

    def __init__(
        self, with_redshift: Mixtures, photometric: Mixtures, tables: TableTypicality, shares: NDArray[np.float64]
    ) -> None:
        self._with_redshift = with_redshift
        self._photometric = photometric
        self.tables = tables
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
        result = self._photometric.typicality(magnitudes)
        if with_redshift.any():
            result[with_redshift] = self._with_redshift.typicality(magnitudes[with_redshift], redshift[with_redshift])
        return result

    def table(self, magnitudes: NDArray[np.float64], rows_in_domain: float) -> TableDomain | None:
        """How typical a table is, by an even sample (n, 5) of its rows; None for too few. rows_in_domain: the share."""
        verdict = self.tables.judge(magnitudes)
        if verdict is None:
            return None
        return {
            "typicality": round(verdict.typicality, _DIGITS),
            "in_domain": verdict.in_domain,
            "rows_in_domain": round(rows_in_domain, _DIGITS),
            "cause": None if verdict.cause is None else {"code": verdict.cause.code, "detail": verdict.cause.detail},
        }

    def class_shares(self, probabilities: NDArray[np.float32], labels: Sequence[str]) -> ClassShares | None:
        """The estimated shares of the classes by a sample (n, classes) of rows; None for no rows."""
        if not len(probabilities):
            return None
        found = priors.estimated(probabilities, self.shares)
        return {
            label: {"value": round(value, _DIGITS), "low": round(low, _DIGITS), "high": round(high, _DIGITS)}
            for label, value, low, high in zip(
                labels, found.values.tolist(), found.low.tolist(), found.high.tolist(), strict=True
            )
        }


class TableObserver:
    """Samples the rows of a table while it is classified, to say at its end what it is like."""

    def __init__(self, domain: Domain, labels: Sequence[str]) -> None:
        self._domain = domain
        self._labels = labels
        self._magnitudes = Thinned(MOST)
        self._probabilities = Thinned(SHARES_FROM)
        self._rows = 0
        self._typical = 0

    def add(self, photometry: Photometry, probabilities: NDArray[np.float32], typicality: NDArray[np.float32]) -> None:
        """Take classified rows."""
        self._magnitudes.add(photometry.magnitudes)
        self._probabilities.add(probabilities)
        self._rows += len(typicality)
        self._typical += int((typicality >= self._domain.threshold).sum())

    def domain(self) -> TableDomain | None:
        """How typical the table is; None for one of too few rows."""
        magnitudes = self._magnitudes.rows
        return None if magnitudes is None else self._domain.table(magnitudes, self._typical / self._rows)

    def shares(self) -> ClassShares | None:
        """The estimated shares of the classes, with intervals; None for no rows."""
        probabilities = self._probabilities.rows
        return None if probabilities is None else self._domain.class_shares(probabilities, self._labels)
