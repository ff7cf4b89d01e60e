"""The README's tables are what the committed results and cards say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.stages.deployments import prod
from infra.stages.functions import Provisioned, ScheduledMinimum
from tests.bench import billed
from tests.bench.readme import DOCUMENTS, NOT_YET, render

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "".join(f"## {name}\n<!-- {name}: command -->\nold\n<!-- end -->\n" for name in ("models", "measured", "cost"))


def a_load(users: int, p50_ms: float, inputs: str = "unique") -> dict[str, Any]:
    times = {f"{name}_ms": p50_ms * factor for name, factor in (("p50", 1), ("p90", 2), ("p95", 3), ("p99", 4))}
    return {"inputs": inputs, "users": users, "requests_per_s": 123.4, "refused_429": 7, "failed": 0, **times}


def results(folder: Path) -> Path:
    """Results of every part, with figures that no machine gave."""
    start = {"parts_ms": {"numpy": 61.2, "session": 31.7}, "init_ms": 345.6, "first_call_ms": 8.9, "peak_mib": 77.7}
    machine = {"cpus": 3, "system": "S", "arch": "A", "python": "3.99"}
    star = {
        "machine": machine,
        "init": start,
        "http": [a_load(16, 4.5)],
        "billed_ms": {"unique": 6.0},
        "table": {"rows": 1_000_000, "bytes": 80_000_000, "seconds": 9.87, "rows_per_s": 101_317},
    }
    ours = {
        "http": [a_load(1, 5.5), a_load(1, 1.25, "repeated")],
        "large": {"size": [4000, 3000], "bytes": 1_600_000, "p50_ms": 23.4, "p95_ms": 30.1},
        "billed_ms": {"unique": 10.0, "repeated": 2.0},
    }
    pictures = {
        "machine": machine,
        "init": {"galaxy": start},
        "pictures": {"galaxy": ours},
        "peer": {"galaxy": {"workers": 2, "http": [a_load(1, 55.0)]}},
        "ratios": {"galaxy": [{"users": 1, "p50": 10.0, "p95": 8.0, "requests_per_s": 6.5}]},
    }
    (folder / "star.json").write_text(json.dumps(star))
    (folder / "pictures.json").write_text(json.dumps(pictures))
    return folder


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.parent.name)
def test_documents_show_the_committed_results_and_cards(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert render(text) == text, "python -m tests.bench.readme fills the tables anew"


def test_every_measured_part_has_its_table(tmp_path: Path) -> None:
    text = render(EMPTY, results(tmp_path))
    for line in (
        "| star | unique | 16 | 4.5 | 9.0 | 13.5 | 18.0 | 123 | 7 / 0 |",
        "| galaxy | repeated | 1 | 1.2 | 2.5 | 3.8 | 5.0 | 123 | 7 / 0 |",
        "| galaxy | 4,000 x 3,000 | 1.6 MB | 23.4 | 30.1 |",
        "| galaxy | 1 | 55.0 | 123 | 10.0 | 8.0 | 6.5 |",
        "| galaxy | 346 | numpy 61, session 32 | 9 | 78 |",
    ):
        assert line in text
    assert "1,000,000 rows (80 MB) has its result after 9.9 s: 101,317 rows a second" in text
    assert "old" not in text


def test_what_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    text = render(EMPTY, tmp_path)
    assert text.count(NOT_YET) == 2


def test_cost_is_duration_times_memory_times_price(tmp_path: Path) -> None:
    # Given 10 ms billed at 1,769 MB
    memory = prod().functions["galaxy"].memory_mb
    assert memory == 1_769
    # When a million invocations are paid at 0.0000166667 dollars a GB second and 0.20 for the invocations
    dollars = billed.million_invocations(10.0, memory)
    # Then that is 10,000 s of 1.7275 GB
    assert abs(dollars - (0.20 + 10_000 * 1_769 / 1_024 * 0.0000166667)) < 1e-9
    assert f"| galaxy | 10.0 ms | 1,769 MB | ${dollars:.2f} | ${dollars + 3.5:.2f} |" in render(
        EMPTY, results(tmp_path)
    )


def test_sandboxes_kept_warm_are_averaged_over_the_hours_of_the_schedule() -> None:
    nights = (ScheduledMinimum("cron(0 22 * * ? *)", 10), ScheduledMinimum("cron(0 12 * * ? *)", 2))
    # Ten from 22 to 12 UTC, two from 12 to 22
    assert Provisioned(2, maximum=50, schedule=nights).average == pytest.approx((14 * 10 + 10 * 2) / 24)
    assert Provisioned(3).average == 3
