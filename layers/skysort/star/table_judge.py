"""What is said of many rows together by a sample of them: how typical they are, and the shares of their classes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from skysort import priors
from skysort.errors import ArtefactError
from skysort.star import row_sample
from skysort.star.mixtures import Mixtures
from skysort.star.table_typicality import TableTypicality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.answers import ClassShares, TableDomain

_DIGITS: Final = 6


class WholeOfRows(NamedTuple):
    """How typical a whole is, None for too few rows, and its class shares, None for no rows."""

    domain: TableDomain | None
    class_shares: ClassShares | None


class TableJudge:
    """Judges tables and jobs. shares: (classes,) of the training data."""

    def __init__(self, tables: TableTypicality, shares: NDArray[np.float64]) -> None:
        self._tables = tables
        self._shares = shares

    def of(self, rows: NDArray[np.float32] | None, rows_in_domain: float, labels: Sequence[str]) -> WholeOfRows:
        """Judge a whole.

        Parameters
        ----------
        rows
            A sample as skysort.star.row_sample has it.
        rows_in_domain
            The share of all rows.
        labels
            The classes.

        Returns
        -------
        WholeOfRows
        """
        if rows is None or not len(rows):
            return WholeOfRows(None, None)
        domain = self.domain(row_sample.magnitudes(rows), rows_in_domain)
        return WholeOfRows(domain, self._class_shares(row_sample.probabilities(rows), labels))

    def domain(self, magnitudes: NDArray[np.float64], rows_in_domain: float) -> TableDomain | None:
        """How typical a whole is, by an even sample (n, 5) of its rows; None for too few."""
        verdict = self._tables.judge(magnitudes)
        if verdict is None:
            return None
        return {
            "typicality": round(verdict.typicality, _DIGITS),
            "in_domain": verdict.in_domain,
            "rows_in_domain": round(rows_in_domain, _DIGITS),
            "cause": None if verdict.cause is None else {"code": verdict.cause.code, "detail": verdict.cause.detail},
        }

    def _class_shares(self, probabilities: NDArray[np.float32], labels: Sequence[str]) -> ClassShares:
        return priors.class_shares(probabilities, self._shares, labels)

    def save(self) -> bytes:
        """The content of a file with all that it judges by."""
        buffer = io.BytesIO()
        mixtures, effects = self._tables.mixtures.save(), self._tables.save()
        np.savez(
            buffer,
            shares=self._shares,
            mixtures=np.frombuffer(mixtures, np.uint8),
            effects=np.frombuffer(effects, np.uint8),
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read a file of `save`; raises ArtefactError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                mixtures, effects, shares = (arrays[name] for name in ("mixtures", "effects", "shares"))
        except Exception as error:
            raise ArtefactError(f"the file of what judges tables cannot be read: {error!r:.200}") from error
        return cls(TableTypicality.load(Mixtures.load(mixtures.tobytes()), effects.tobytes()), shares)
