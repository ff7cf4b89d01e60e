"""One event on its way through a pool, and the ways in which it can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class InvocationError(Exception):
    """An event got no answer from its handler."""


class ThrottledError(InvocationError):
    """Every sandbox is busy, and so is the queue before them (429)."""


class StoppingError(InvocationError):
    """The stack is stopping (503)."""


class CrashedError(InvocationError):
    """The sandbox ended, or its answer is larger than Lambda allows."""


class TimedOutError(InvocationError):
    """The handler took longer than the function's timeout."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returned, or the JSON error of what it raised (failed)."""

    payload: bytes
    failed: bool = False


@dataclass(slots=True)
class Invocation:
    """One event on its way: waiting, then running."""

    request_id: str
    event: bytes
    future: asyncio.Future[Reply]
    started: float = 0.0
    cold: bool = False
    timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Reply | Exception) -> None:
        """Answer the caller, unless it stopped waiting."""
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            return
        if isinstance(outcome, Reply):
            self.future.set_result(outcome)
        else:
            self.future.set_exception(outcome)
