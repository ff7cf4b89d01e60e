"""How long to wait before a request is tried again: politely, and not for ever."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# A service that asks for a longer pause than this is not waited for.
LONGEST_RETRY_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter ("Exponential Backoff and Jitter", AWS Architecture Blog, 2015).

    attempts: requests in all, the first among them. first_s, most_s: bounds of the backoff.
    """

    attempts: int = 6
    first_s: float = 0.5
    most_s: float = 20.0

    def wait_s(
        self, failures: int, retry_after_s: float | None, chance: Callable[[float, float], float] = random.uniform
    ) -> float | None:
        """Seconds until the next attempt after so many failures, None when it is time to give up.

        What Retry-After asks for is always waited out, with a little more so that callers do not come back at once.
        """
        if failures >= self.attempts:
            return None
        backoff = chance(0.0, min(self.most_s, self.first_s * 2 ** (failures - 1)))
        if retry_after_s is None:
            return backoff
        if retry_after_s > LONGEST_RETRY_AFTER_S:
            return None
        return retry_after_s + min(backoff, self.first_s)


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date (RFC 9110, 10.2.3); None without one."""
    text = (header or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            then = parsedate_to_datetime(text)
        except ValueError:
            return None
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        seconds = (then - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
