"""What is said of many rows together by a sample of them: how typical they are, and the shares of their classes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort import priors
from skysort.errors import ArtefactError
from skysort.star import row_sample
from skysort.star.mixtures import Mixtures
from skysort.star.table_typicality import TableTypicality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.answers import TableDomain

_DIGITS: Final = 6


class TableJudge:
    """Judges tables and jobs.

    tables: of magnitudes as the built-in model takes them; None if they cannot be judged. shares: (classes,) of the
    training data.
    """

    def __init__(self, tables: TableTypicality | None, shares: NDArray[np.float64]) -> None:
        self._tables = tables
        self._shares = shares

    def summary(self, rows: NDArray[np.float32] | None, rows_in_domain: float, labels: Sequence[str]) -> dict[str, Any]:
        """What a summary says.

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
        ``class_shares``, and ``domain`` if magnitudes can be judged; None for no rows, or too few.
        """
        domain, shares = None, None
        if rows is not None and len(rows):
            magnitudes, probabilities = row_sample.split(rows, len(labels))
            domain = self.domain(magnitudes, rows_in_domain)
            shares = priors.class_shares(probabilities, self._shares, labels)
        return {**({"domain": domain} if self._tables is not None else {}), "class_shares": shares}

    def domain(self, magnitudes: NDArray[np.float64], rows_in_domain: float) -> TableDomain | None:
        """How typical a whole is, by an even sample (n, 5) of its rows; None for too few."""
        verdict = None if self._tables is None else self._tables.judge(magnitudes)
        if verdict is None:
            return None
        return {
            "typicality": round(verdict.typicality, _DIGITS),
            "in_domain": verdict.in_domain,
            "rows_in_domain": round(rows_in_domain, _DIGITS),
            "cause": None if verdict.cause is None else {"code": verdict.cause.code, "detail": verdict.cause.detail},
        }

    def save(self) -> bytes:
        """The content of a file with all that it judges by."""
        buffer = io.BytesIO()
        tables = self._tables
        mixtures, effects = (b"", b"") if tables is None else (tables.mixtures.save(), tables.save())
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
        if not mixtures.size:
            return cls(None, shares)
        return cls(TableTypicality.load(Mixtures.load(mixtures.tobytes()), effects.tobytes()), shares)
