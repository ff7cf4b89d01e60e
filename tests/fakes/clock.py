"""A clock that stands still until a test moves it."""

from __future__ import annotations

from threading import Lock


class FakeClock:
    """Seconds as time.monotonic gives them."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._lock = Lock()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
