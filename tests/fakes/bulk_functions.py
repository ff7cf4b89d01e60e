"""The functions of a bulk job, for what interprets its state machine: they note their calls and fail when told to."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.state_machine.bulk import Family

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "bulk/shared/star-20261128-084500-1a2b3c/runs/0001/start.json"
BUCKET: Final = "skysort-results-local"
PARTS_KEY: Final = "bulk/shared/star-20261128-084500-1a2b3c/runs/0001/parts.json"
FAMILIES: Final[Mapping[str, Family]] = {
    name: Family(name, 2) for name in ("galaxy-bulk", "image-bulk", "star-bulk", "custom-bulk")
}


def item(number: int) -> dict[str, Any]:
    """A part of the manifest."""
    slices = {"key": "bulk/shared/x/slices/00000.jsonl", "start": 100 * number, "end": 100 * number + 100}
    return {"part": number, "slices": slices, "rows": 1000, "bytes": 64_000}


@dataclass
class BulkFunctions:
    """What each step answers.

    errors: how often a step fails before it succeeds, by its name or, for a part's steps, ``part 3``. error: its name.
    """

    errors: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    parts: int = 3
    family: str = "star-bulk"
    planned: bool = False
    go: str = "yes"
    outcome: str = "failed"
    calls: list[tuple[str, Any]] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)

    def call(self, name: str, payload: Any) -> Any:
        """The answer, or Lambda's document of an error."""
        self.calls.append((name, payload))
        step = payload["step"]
        asked = _asked(payload)
        self._asked[asked] += 1
        if self._asked[asked] <= self.errors.get(asked, 0):
            return {"errorType": self.error, "errorMessage": "the bucket is gone", "stackTrace": []}
        price = {"family": self.family, "bucket": BUCKET, "parts_key": PARTS_KEY, "go": self.go, "concurrency": 2}
        answers = {"plan": {"family": self.family, "planned": self.planned}, "price": price}
        return {**answers, "end": {"outcome": self.outcome}}.get(step, {})

    @property
    def steps(self) -> list[str]:
        """The steps in the order of their calls, those of parts with the part's number."""
        return [_asked(payload) for _, payload in self.calls]

    def parts_json(self) -> bytes:
        """The content of parts.json."""
        return json.dumps([item(number) for number in range(self.parts)]).encode()


def _asked(payload: Any) -> str:
    return f"{payload['step']} {payload['part']['part']}" if "part" in payload else payload["step"]
