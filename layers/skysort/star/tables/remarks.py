"""What a table's summary says beside its counts: what was done to rows, and why none was classified."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from skysort.input_warnings import InputWarning, documents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysort.star.tables.rejects import Reject

NOTHING_CLASSIFIED: Final = "no_row_classified"


class Remarks:
    """Collects warnings with the number of rows that each is about, and the reasons of rejects."""

    def __init__(self) -> None:
        self._warnings: dict[str, InputWarning] = {}
        self._rows: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._details: dict[tuple[str, str], str] = {}

    def warn(self, code: str, detail: str, rows: int) -> None:
        """Add rows to the warning of a code; its first detail is kept."""
        if rows > 0:
            self._warnings.setdefault(code, InputWarning(code, detail))
            self._rows[code] += rows

    def count(self, rejects: Iterable[Reject]) -> None:
        """Count reasons for which values or rows were rejected, by column."""
        for _, _, column, reason, detail in rejects:
            self._reasons[column, reason] += 1
            self._details.setdefault((column, reason), detail)

    def documents(self, *, nothing_classified: bool) -> list[dict[str, Any]]:
        """The warnings as a summary lists them, each with its ``rows``.

        nothing_classified: whether every row was rejected; then the commonest reason is told first.
        """
        warnings = [
            {**document, "rows": self._rows[code]}
            for code, document in zip(self._warnings, documents(self._warnings.values()), strict=True)
        ]
        if nothing_classified and self._reasons:
            warnings.insert(0, self._nothing())
        return warnings

    def _nothing(self) -> dict[str, Any]:
        (commonest, rows) = self._reasons.most_common(1)[0]
        column, reason = commonest
        where = f"{column}: " if column else ""
        detail = f"no row was classified; the commonest reason is {reason}, as in {where}{self._details[commonest]}"
        return {"code": NOTHING_CLASSIFIED, "detail": detail, "rows": rows}
