"""The benchmark of bulk jobs: its survey is the same every time, and its tables say what was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.bench import survey
from tests.bench.bulk_tables import NOT_YET, bulk_plans, bulk_survey

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.needs_data
def test_the_survey_is_the_same_in_blocks_of_any_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "BLOCK_ROWS", 400)
    monkeypatch.setattr(survey, "REJECTED_EVERY", 100)
    size = survey.write_survey(tmp_path / "survey.csv", 1_000, processes=1)
    written = (tmp_path / "survey.csv").read_bytes()
    assert size == len(written)
    assert written == survey.HEADER + b"".join(survey.block(start, min(400, 1_000 - start)) for start in (0, 400, 800))
    lines = written.decode().splitlines()
    assert [int(line.partition(",")[0]) for line in lines[1:]] == list(range(1, 1_001))
    assert [int(line.partition(",")[0]) for line in lines[1:] if ",-9999," in line] == list(range(100, 1_001, 100))
    assert survey.block(0, 400, seed=18) != survey.block(0, 400)


def test_tables_are_of_what_was_measured(tmp_path: Path) -> None:
    assert (bulk_survey(tmp_path), bulk_plans(tmp_path)) == (NOT_YET, NOT_YET)
    moment = {"command_mb": 60, "worker_mb": 190}
    stars = {
        "rows": 100_000_000,
        "bytes": 8_262_000_000,
        "parts": 124,
        "seconds": 401.2,
        "cpu_s": 700.4,
        "rows_per_s": 249_252,
        "rows_per_core_s": 142_775,
        "gflops_a_core": [101.0, 99.0],
        "load_before": 1.7,
        "workers": 2,
        "memory": {"tenths": [{"command_mb": 50, "worker_mb": 0}, *[moment] * 8, {"command_mb": 61, "worker_mb": 191}]},
    }
    plan = {
        "source": "zip of galaxies",
        "bytes": 40_000_000,
        "parts": 6,
        "rows": {"expected": 6_000, "counted": 6_000},
        "seconds": {"expected": 33.0, "counted": 30.0},
        "dollars": {"expected": 0.0009, "counted": 0.001},
        "load_before": 0.4,
    }
    (tmp_path / "bulk.json").write_text(json.dumps({"stars": stars, "plans": [plan]}))
    row = "| 100,000,000 | 8.3 GB | 124 | 401 | 249,252 | 285,550 | 190, 191 | 60, 61 |"
    assert row in bulk_survey(tmp_path)
    assert "(load average 2 before)" in bulk_survey(tmp_path)
    compared = "| zip of galaxies, 40 MB | 6 | 6,000 | 6,000 | 30.0 | 33.0 | +10% | 0.00100 | 0.00090 | -10% | 0.4 |"
    assert compared in bulk_plans(tmp_path)
