"""What AWS would bill for the measured load: milliseconds from the functions' REPORT lines, times list prices."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.prices import Prices

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

_PRICES: Final = Prices()
REGION: Final = _PRICES.region
PRICES_OF: Final = _PRICES.date
MILLION_REST_REQUESTS: Final = _PRICES.million_requests
MB_PER_GB: Final = 1_024
SECONDS_A_MONTH: Final = 730 * 3_600
_REPORT: Final = re.compile(rb"REPORT .*\tBilled Duration: (\d+) ms\t")


class Bill:
    """The invocations of one function since this was made."""

    def __init__(self, stack: StartedStack, function: str) -> None:
        self._log = Path(stack.state) / "logs" / f"{function}.log"
        self._start = self._log.stat().st_size

    def mean_ms(self) -> float:
        """Their mean billed duration."""
        with self._log.open("rb") as file:
            file.seek(self._start)
            found = [float(billed) for billed in _REPORT.findall(file.read())]
        if not found:
            raise SystemExit(f"{self._log} has no REPORT line of the load")
        return round(statistics.fmean(found), 2)


def million_invocations(billed_ms: float, memory_mb: int, prices: Prices = _PRICES) -> float:
    """Dollars for a million invocations on demand."""
    return prices.million_invocations + billed_ms * 1e3 * memory_mb / MB_PER_GB * prices.gb_second


def kept_warm(memory_mb: int, prices: Prices = _PRICES) -> float:
    """Dollars a month for one sandbox of provisioned concurrency, before what its invocations cost."""
    return memory_mb / MB_PER_GB * prices.provisioned_gb_second * SECONDS_A_MONTH
