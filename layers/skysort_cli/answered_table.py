"""How typical a table is whose rows are answered in requests, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysort.star.table_typicality import MOST
from skysort.star.thinned import Thinned
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from skysort.answers import StarAnswer, TableDomain
    from skysort.star.body import StarRequest
    from skysort.star.domain import Domain


class AnsweredTable:
    """Samples the rows of a table. domain: of its model; None if that does not judge tables."""

    def __init__(self, domain: Domain | None) -> None:
        self._domain = domain
        self._rows = TypicalityCounts()
        self._magnitudes = Thinned(MOST)

    def add(self, request: StarRequest, answer: StarAnswer) -> None:
        """Take the next rows."""
        good = []
        for row, result in zip(request.rows, answer["results"], strict=True):
            if "in_domain" in result:
                self._rows.add(result)
                good.append(row.values[:-1])
        if good and self._domain is not None:
            self._magnitudes.add(np.array(good))

    def verdict(self) -> TableDomain | None:
        """How typical the table is; None for one of few rows, or if the model does not judge tables."""
        magnitudes = self._magnitudes.rows
        if self._domain is None or magnitudes is None:
            return None
        return self._domain.judge.domain(magnitudes, self._rows.in_domain / self._rows.measured)
