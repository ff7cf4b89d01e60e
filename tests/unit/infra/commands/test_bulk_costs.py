"""What a billion rows take: the table in the document, worked out from measured service times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.commands.bulk_costs import NOT_YET, PICTURES, README, ROWS, sources, table, written
from skysort.limits import BULK_PARTS

if TYPE_CHECKING:
    from pathlib import Path


def results(folder: Path, rows_per_core_s: int = 150_000) -> Path:
    """Results of both benchmarks: rows of 72 bytes, and 200 pictures a second on each of two cores."""
    stars: dict[str, Any] = {"rows": 100, "bytes": 7_200, "rows_per_core_s": rows_per_core_s}
    (folder / "bulk.json").write_text(json.dumps({"stars": stars}))
    pictures = {"processes": 2, "processor_seconds": {"bulk_per_s": 400.0}}
    (folder / "bulk_pictures.json").write_text(json.dumps(pictures))
    return folder


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_job_has_the_parts_that_planning_would_make(tmp_path: Path) -> None:
    found = list(sources(results(tmp_path)))
    assert [each.rows for each in found] == [ROWS, PICTURES, PICTURES]
    assert all(each.parts <= BULK_PARTS for each in found)
    stars = found[0]
    assert stars.part.bytes * stars.parts == pytest.approx(72 * ROWS, rel=1e-4)
    assert stars.part.bytes <= 64 * 1024 * 1024


def test_a_billion_rows_cost_the_gigabyte_seconds_of_their_cores(tmp_path: Path) -> None:
    # Given 150,000 rows a core's second, on two cores of a function
    first, *_ = (cells(line) for line in table(results(tmp_path)).splitlines()[2:])
    # Then their seconds alone are a lower bound, and all else is less than as much again
    least = ROWS / 300_000 * 3_538 / 1_024 * 0.0000166667
    assert least < float(first[4]) < 1.5 * least
    assert float(first[7]) == pytest.approx(sum(map(float, first[4:7])), abs=0.02)


def test_more_at_once_end_sooner_for_the_starts_of_their_sandboxes(tmp_path: Path) -> None:
    few, more, many = (cells(line) for line in table(results(tmp_path)).splitlines()[2:5])
    minutes = [float(each[3].replace(",", "")) for each in (few, more, many)]
    assert minutes[0] > minutes[1] > minutes[2]
    assert float(few[7]) < float(many[7]) < 1


def test_without_results_it_says_what_to_run(tmp_path: Path) -> None:
    assert table(tmp_path) == f"{NOT_YET}\n"


def test_the_readme_shows_the_table_as_it_is_now() -> None:
    text = README.read_text("utf-8")
    assert table() in text, "python -m infra.commands.bulk_costs writes it anew"
    assert written(text) == text
