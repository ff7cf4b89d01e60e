"""What became of a part's rows: the document that commits a part (done/), or records one given up (failed/)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from skysort.errors import InfrastructureError
from skysort.limits import BULK_FAILURES_LISTED
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Iterable


class Attempt(StrEnum):
    """How a part came to its counts."""

    PART = "part"
    SPLIT = "split"  # some rows end the process that reads them, and were left out
    GIVEN_UP = "given-up"


@dataclass(slots=True)
class Rows:
    """Rows read, written, rejected (with a line in rejected/) and failed; read is the sum of the others."""

    out: int = 0
    rejected: int = 0
    failed: int = 0

    @property
    def read(self) -> int:
        """All rows."""
        return self.out + self.rejected + self.failed

    def document(self) -> dict[str, int]:
        """As in JSON."""
        return {"in": self.read, "out": self.out, "rejected": self.rejected, "failed": self.failed}

    @classmethod
    def of(cls, document: dict[str, int]) -> Self:
        """Read a document; raises ValueError where the rows do not add up."""
        rows = cls(document["out"], document["rejected"], document["failed"])
        if rows.read != document["in"]:
            raise ValueError(f"{document['in']} rows in, but {rows.read} out, rejected and failed")
        return rows


@dataclass(frozen=True, slots=True)
class Failure:
    """Rows without a result. row: 1 for the slice's first; None for the slice as a whole. rows: how many."""

    source: str
    slice: int
    row: int | None
    reason: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class StoredData:
    """A part's object with results."""

    key: str
    etag: str
    bytes: int


@dataclass(slots=True)
class Tally:
    """What an engine counts while it runs over slices.

    slices: of each slice, in order. classes: rows by label. typicality: None where the model does not measure it.
    sample: of the rows by which the whole job is judged, as skysort.star.row_sample writes it. warnings: detail and
    rows by code.
    """

    slices: list[Rows] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    typicality: TypicalityCounts | None = None
    sample: dict[str, Any] | None = None
    warnings: dict[str, tuple[str, int]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def warn(self, code: str, detail: str, rows: int) -> None:
        """Add a warning; for equal codes rows are added up, and the first detail is kept."""
        first, before = self.warnings.get(code, (detail, 0))
        self.warnings[code] = (first, before + rows)

    def fail(self, failures: Iterable[Failure]) -> None:
        """Count failed rows of the slice that was begun last."""
        for failure in failures:
            self.slices[-1].failed += failure.rows
            if len(self.failures) < BULK_FAILURES_LISTED:
                self.failures.append(failure)


@dataclass(slots=True)
class Counts:
    """A part's counts. ms: of the step that made them. model: name and version. error: why it was given up."""

    part: int
    slices: list[Rows]
    classes: dict[str, int]
    model: str
    attempt: Attempt = Attempt.PART
    typicality: TypicalityCounts | None = None
    warnings: list[dict[str, Any]] = field(default_factory=list)
    data: StoredData | None = None
    failures: list[Failure] = field(default_factory=list)
    ms: int = 0
    memory_mb: int = 0
    requests: dict[str, int] = field(default_factory=lambda: {"get": 0, "put": 0})
    error: str | None = None
    sample: dict[str, Any] | None = None

    @property
    def rows(self) -> Rows:
        """The rows of all slices."""
        return Rows(*(sum(getattr(rows, name) for rows in self.slices) for name in ("out", "rejected", "failed")))

    @classmethod
    def of(cls, part: int, tally: Tally, model: str, attempt: Attempt = Attempt.PART) -> Self:
        """The counts of a tally."""
        return cls(
            part,
            tally.slices,
            dict(tally.classes),
            model,
            attempt,
            tally.typicality,
            [{"code": code, "detail": detail, "rows": rows} for code, (detail, rows) in tally.warnings.items()],
            failures=tally.failures,
            sample=tally.sample,
        )

    def to_json(self) -> bytes:
        """The document."""
        document = {
            "part": self.part,
            "rows": self.rows.document(),
            "slices": [rows.document() for rows in self.slices],
            "classes": self.classes,
            "typicality": asdict(self.typicality) if self.typicality else None,
            "sample": self.sample,
            "warnings": self.warnings,
            "data": asdict(self.data) if self.data else None,
            "failures": [asdict(failure) for failure in self.failures],
            "ms": self.ms,
            "memory_mb": self.memory_mb,
            "requests": self.requests,
            "model": self.model,
            "attempt": self.attempt,
            "error": self.error,
        }
        return json.dumps(document, allow_nan=False).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a document; raises InfrastructureError for a damaged one."""
        try:
            document = json.loads(body)
            counts = cls(
                int(document["part"]),
                [Rows.of(rows) for rows in document["slices"]],
                dict(document["classes"]),
                str(document["model"]),
                Attempt(document["attempt"]),
                # Counts of an earlier release have neither this nor a sample.
                TypicalityCounts(**document["typicality"]) if document.get("typicality") else None,
                list(document["warnings"]),
                StoredData(**document["data"]) if document["data"] else None,
                [Failure(**failure) for failure in document["failures"]],
                int(document["ms"]),
                int(document["memory_mb"]),
                dict(document["requests"]),
                document["error"],
                document.get("sample"),
            )
            total = Rows.of(document["rows"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InfrastructureError(f"the counts of a part are damaged: {error!r}") from error
        if counts.rows != total:
            raise InfrastructureError(f"the counts of part {counts.part} are damaged: its slices do not add up")
        return counts
