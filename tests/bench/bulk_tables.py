"""The tables of bulk jobs: how fast and steady a large one is, and how near plans come to what is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_YET = "Not measured yet: run `python -m tests.bench.bulk`."


def bulk_survey(results: Path) -> str:
    """A large survey, in a row."""
    path = results / "bulk.json"
    found = json.loads(path.read_text(encoding="utf-8")).get("stars") if path.is_file() else None
    if not found:
        return NOT_YET
    header = ["rows", "bytes", "parts", "seconds", "rows/s", "of two whole cores", "memory of a worker (MB)",
              "of the command"]  # fmt: skip
    row = [
        f"{found['rows']:,}",
        f"{found['bytes'] / 1e9:.1f} GB",
        f"{found['parts']:,}",
        f"{found['seconds']:,.0f}",
        f"{found['rows_per_s']:,}",
        f"{2 * found['rows_per_core_s']:,}",
        _over_time(found["memory"], "worker_mb"),
        _over_time(found["memory"], "command_mb"),
    ]
    before, after = found["gflops_a_core"]
    about = (
        f"{found['workers']} processes beside other work (load average {found['load_before']:.0f} before); the rate of "
        f"two whole cores is by processor time, {found['cpu_s']:,.0f} s in all. A core's second gave {before:.0f} "
        f"GFLOP in single precision before and {after:.0f} after. Memory: the most in the second tenth of the "
        "time, and in the last."
    )
    return f"{table(header, [row])}\n\n{about}"


def _over_time(memory: Mapping[str, Any], name: str) -> str:
    tenths = memory["tenths"]
    return f"{tenths[1][name]:,}, {tenths[-1][name]:,}"


def bulk_plans(results: Path) -> str:
    """Plans and what was counted, a row a job."""
    path = results / "bulk.json"
    found = json.loads(path.read_text(encoding="utf-8")).get("plans") if path.is_file() else None
    if not found:
        return NOT_YET
    header = ["", "parts", "rows", "expected", "seconds", "expected", "off by", "dollars", "expected", "off by",
              "load"]  # fmt: skip
    return table(header, [_compared(job) for job in found])


def _compared(job: Mapping[str, Any]) -> list[str]:
    rows, seconds, dollars = job["rows"], job["seconds"], job["dollars"]
    return [
        f"{job['source']}, {job['bytes'] / 1e6:,.0f} MB",
        f"{job['parts']:,}",
        f"{rows['counted']:,}",
        f"{rows['expected']:,}",
        f"{seconds['counted']:.1f}",
        f"{seconds['expected']:.1f}",
        _off(seconds),
        f"{dollars['counted']:.5f}",
        f"{dollars['expected']:.5f}",
        _off(dollars),
        f"{job['load_before']:.1f}",
    ]


def _off(pair: Mapping[str, float]) -> str:
    return f"{pair['expected'] / pair['counted'] - 1:+.0%}"


PICTURES_NOT_YET = "Not measured yet: run `OMP_NUM_THREADS=1 python -m tests.bench.bulk_pictures`."


def bulk_pictures(results: Path) -> str:
    """Pictures a second beside those of the network alone, on the clock and of processors."""
    path = results / "bulk_pictures.json"
    if not path.is_file():
        return PICTURES_NOT_YET
    found = json.loads(path.read_text(encoding="utf-8"))
    header = ["seconds of", "the network alone (pictures/s)", "bulk", "share", "of the median round"]
    rows = [
        [
            name,
            f"{each['network_per_s']:,.0f}",
            f"{each['bulk_per_s']:,.0f}",
            f"{each['share']:.3f}",
            f"{each['share_of_rounds']:.3f}",
        ]
        for name, each in (("the clock", found["seconds"]), ("the processors", found["processor_seconds"]))
    ]
    before, after = found["load_average"]
    about = (
        f"{found['pictures']:,} pictures in {len(found['rounds'])} rounds, {found['processes']} processes with one "
        f"thread each beside other work (load average {before:.0f} before, {after:.0f} after), which moves the clock's "
        "figures from round to round."
    )
    return f"{table(header, rows)}\n\n{about}"
