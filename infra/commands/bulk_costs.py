"""What a bulk job of a billion rows, or of ten million pictures, takes: seconds and dollars by item.

    python -m infra.commands.bulk_costs             # writes the table into infra/README.md

Worked out as plans are (skysort.bulk.cost), from the service times that the benchmarks measured (tests/bench/results)
and list prices. What they do not know is named below.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from infra import ROOT
from infra.stages.deployments import dev, prod
from skysort.bulk.cost import Measured, Pace, Size, expected
from skysort.bulk.steps import DISPATCH_S
from skysort.limits import BULK_PART_BYTES, BULK_PART_PICTURES, BULK_PARTS
from skysort.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README: Final = ROOT / "infra" / "README.md"
RESULTS: Final = ROOT / "tests" / "bench" / "results"
_TABLE: Final = re.compile(r"(<!-- billion: python -m infra\.commands\.bulk_costs -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_YET: Final = "Not measured yet: run `python -m tests.bench.bulk` and `python -m tests.bench.bulk_pictures`."
ROWS: Final = 1_000_000_000
PICTURES: Final = 10_000_000

# Assumptions. A fresh sandbox is ready after so many seconds, its image's first use by the account included; a part
# has so much to do beside its rows (documents read and written); a cutout of a galaxy has so many bytes; parts at once
# where the account's quota has been raised.
START_S: Final = 3.0
PART_S: Final = 0.3
CUTOUT_BYTES: Final = 8_000
RAISED: Final = 1_000
_MINUTE_S: Final = 60


class Source(NamedTuple):
    """A job's source, in parts of one size.

    what: for people. model: that classifies it. per_core_s: rows or pictures that a core classifies a second.
    """

    what: str
    model: str
    rows: int
    per_core_s: float
    parts: int
    part: Size


def sources(results: Path) -> Iterator[Source]:
    """The jobs of the table, as far as they have been measured."""
    rows, pictures = results / "bulk.json", results / "bulk_pictures.json"
    stars = json.loads(rows.read_text(encoding="utf-8")).get("stars") if rows.is_file() else None
    if stars:
        size = ROWS * stars["bytes"] // stars["rows"]
        parts = min(BULK_PARTS, math.ceil(size / BULK_PART_BYTES))
        part = Size(ROWS // parts, size // parts)
        yield Source("10^9 rows of stars, CSV", "star", ROWS, stars["rows_per_core_s"], parts, part)
    if pictures.is_file():
        found = json.loads(pictures.read_text(encoding="utf-8"))
        a_core_s = found["processor_seconds"]["bulk_per_s"] / found["processes"]
        parts = min(BULK_PARTS, PICTURES // BULK_PART_PICTURES)
        own = PICTURES // parts
        for what, slices in (("in archives", 1), ("a file each", own)):
            part = Size(own, own * CUTOUT_BYTES, slices)
            yield Source(f"10^7 galaxies, {what}", "galaxy", PICTURES, a_core_s, parts, part)


def table(results: Path = RESULTS) -> str:
    """The Markdown table."""
    lines = [line for source in sources(results) for line in _lines(source)]
    if not lines:
        return f"{NOT_YET}\n"
    head = ["| job | parts | at once | minutes | Lambda | transitions | S3 | dollars |", "|---|" + "---:|" * 7]
    return "\n".join([*head, *lines]) + "\n"


def _lines(source: Source) -> Iterator[str]:
    name = MODELS[source.model].bulk_function
    function, prices = prod().functions[name], prod().operations.prices
    measured = Measured(
        model=source.model,
        version="",
        labels=(),
        schema=(),
        rows=source.rows,
        seconds=source.rows / source.per_core_s / function.vcpus,
        start_s=START_S,
        bytes_in_per_row=None,
        bytes_out_per_row=0.0,
        memory_mb=function.memory_mb,
        part_s=PART_S,
    )
    for at_once in (dev().bulk_parts[name], prod().bulk_parts[name], RAISED):
        pace = Pace(min(at_once, source.parts), 0, DISPATCH_S)
        found = expected(measured, [source.part] * source.parts, pace, prices)
        dollars = found.dollars
        yield (
            f"| {source.what} | {source.parts:,} | {at_once:,} | {found.seconds / _MINUTE_S:,.1f} | "
            f"{dollars.compute:.2f} | {dollars.transitions:.2f} | {dollars.s3:.2f} | {dollars.total:.2f} |"
        )


def written(text: str) -> str:
    """A README with the current table."""
    return _TABLE.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
    sys.stdout.write(table())
