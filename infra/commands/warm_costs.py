"""What each warm strategy costs, for the function of the star model in prod.

    python -m infra.commands.warm_costs             # writes the table into infra/README.md

List prices of us-east-1 for x86 (skysort.prices.Prices); those of SnapStart for Python: aws.amazon.com/lambda/pricing.
"""

from __future__ import annotations

import re
import sys
from typing import Final

from infra import ROOT
from infra.stages.deployments import prod
from skysort.models import MODELS

README: Final = ROOT / "infra" / "README.md"
_TABLE: Final = re.compile(r"(<!-- warm: python -m infra\.commands\.warm_costs -->\n).*?(<!-- end -->)", re.DOTALL)
_MB_PER_GB: Final = 1_024
_MILLION: Final = 1_000_000
SECONDS_A_MONTH: Final = 730 * 3_600

# A snapshot, for every second that its version exists, and each sandbox that is restored from it.
SNAPSHOT_GB_SECOND: Final = 0.0000015046
RESTORED_GB: Final = 0.0001397998
# An invocation, the cold starts of a million of them (one of a thousand), and how long one imports and loads, which is
# billed as an invocation is.
CALL_S: Final = 0.005
COLD_STARTS: Final = 1_000
START_S: Final = 1.0


def table() -> str:
    """The Markdown table, in dollars."""
    function, prices = prod().functions[MODELS["star"].name], prod().operations.prices
    gigabytes = function.memory_mb / _MB_PER_GB
    work = _MILLION * CALL_S * gigabytes
    started = prices.million_invocations + work * prices.gb_second
    on_demand = started + COLD_STARTS * START_S * gigabytes * prices.gb_second
    restored = started + COLD_STARTS * gigabytes * RESTORED_GB
    provisioned = prices.million_invocations + work * prices.busy_provisioned_gb_second
    snapshot = gigabytes * SNAPSHOT_GB_SECOND * SECONDS_A_MONTH
    sandbox = gigabytes * prices.provisioned_gb_second * SECONDS_A_MONTH
    rows = [
        ("`OnDemand()`", "tries, queues, bulk parts, whatever may wait a second or two", "0.00", on_demand),
        ("`SnapStart()`", "rare calls that should not wait for imports", f"{snapshot:.2f} a version", restored),
        ("`Provisioned(n)`", "calls that may never wait", f"{sandbox:.2f} a sandbox", provisioned),
    ]
    lines = ["| strategy | fits | idle, a month | a million calls |", "|---|---|---:|---:|"]
    lines += [f"| {name} | {fits} | {idle} | {calls:.2f} |" for name, fits, idle, calls in rows]
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """A README with the current table."""
    return _TABLE.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write(table())
