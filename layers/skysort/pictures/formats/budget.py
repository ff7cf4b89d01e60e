"""What a picture may cost: work and memory, counted from its bytes before any decoder sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skysort.errors import LimitExceededError
from skysort.limits import MIB, PICTURE_MEMORY_BYTES, PICTURE_WORK_S, REQUEST_WORK_S

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What decoding a picture takes at most.

    work: nanoseconds of one slow core (see prices). memory: bytes beyond the file itself, at its height.
    """

    work: int
    memory: int = 0


class Budget:
    """Work that may still be done for a caller who is to be answered in bounded time.

    seconds: of one slow core, for all pictures together.
    """

    def __init__(self, seconds: float = PICTURE_WORK_S) -> None:
        self._seconds = seconds
        self._left = int(seconds * _NS)

    @classmethod
    def of_a_request(cls) -> Budget:
        """What all pictures of one HTTP request may cost together."""
        return cls(REQUEST_WORK_S)

    @property
    def left(self) -> int:
        """Nanoseconds that are left."""
        return self._left

    def spend(self, work: int) -> None:
        """Spend what was done already, or as much of it as is left."""
        self._left = max(0, self._left - work)

    def take(self, cost: Cost) -> None:
        """Spend some; raises LimitExceededError, and spends nothing, where there is not enough left."""
        self.check(cost)
        self._left -= cost.work

    def check(self, cost: Cost) -> None:
        """Raise LimitExceededError where there is not enough left for what is to come."""
        if cost.memory > PICTURE_MEMORY_BYTES:
            raise LimitExceededError(
                f"decoding this picture would take {cost.memory / MIB:,.0f} MiB of memory, up to "
                f"{PICTURE_MEMORY_BYTES // MIB:,} MiB are allowed; send a smaller picture, or a JPEG of it"
            )
        if cost.work > self._left:
            raise LimitExceededError(self._refusal(cost.work / _NS))

    def _refusal(self, seconds: float) -> str:
        whose = "a request's pictures together" if self._seconds < PICTURE_WORK_S else "one picture"
        way = "send fewer or smaller pictures, JPEGs of them, or drop them into the drop folder"
        if self._seconds >= PICTURE_WORK_S:
            way = "send a smaller picture, or a JPEG of it"
        spent = "" if self._left == int(self._seconds * _NS) else f" and {self._left / _NS:,.1f} s are left"
        return (
            f"decoding this picture may take {seconds:,.1f} s; {whose} may take {self._seconds:g} s of decoding"
            f"{spent}: {way}"
        )
