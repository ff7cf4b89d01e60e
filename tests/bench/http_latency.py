"""Latency and throughput of one star row over HTTP, at 1, 16 and 64 users, against a started stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.bench.billed import Bill
from tests.bench.wrk import load

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

SCRIPT: Final = "star_row.lua"
USERS: Final = (1, 16, 64)
SECONDS: Final = 10
WARM_UP_SECONDS: Final = 2


def measure(stack: StartedStack, seconds: float = SECONDS) -> tuple[list[dict[str, Any]], float]:
    """One record for each number of users, with unique rows and with one repeated row; billed ms of a unique row."""
    records: list[dict[str, Any]] = []
    billed = 0.0
    for unique in (True, False):
        load(stack.api, SCRIPT, users=USERS[-1], seconds=WARM_UP_SECONDS, unique=unique)
        for users in USERS:
            bill = Bill(stack, "star")
            records.append(load(stack.api, SCRIPT, users=users, seconds=seconds, unique=unique))
            billed = billed or bill.mean_ms()
    return records, billed
