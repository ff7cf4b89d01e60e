"""REPORT lines and the files they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from infra.local.report import FunctionLog, Report

if TYPE_CHECKING:
    from pathlib import Path


def report(duration_ms: float = 1.234, init_ms: float | None = None, status: str | None = None) -> Report:
    return Report("an-id", duration_ms, memory_mb=1769, peak_memory_mb=98, init_ms=init_ms, status=status)


def test_a_warm_call() -> None:
    assert report().line().split("\t") == [
        "REPORT RequestId: an-id",
        "Duration: 1.23 ms",
        "Billed Duration: 2 ms",
        "Memory Size: 1769 MB",
        "Max Memory Used: 98 MB",
    ]


def test_a_cold_call_is_billed_with_its_init() -> None:
    parts = report(init_ms=412.1).line().split("\t")
    assert parts[2] == "Billed Duration: 414 ms"
    assert parts[-1] == "Init Duration: 412.10 ms (cold)"


def test_a_call_that_the_platform_ended() -> None:
    assert report(status="timeout").line().endswith("\tStatus: timeout")


@given(st.floats(0, 900_000))
def test_billed_duration_covers_the_duration(duration_ms: float) -> None:
    billed = int(report(duration_ms).line().split("\t")[2].removeprefix("Billed Duration: ").removesuffix(" ms"))
    assert 0 <= billed - duration_ms <= 1


def test_reports_go_to_the_file_and_where_they_are_shown(tmp_path: Path) -> None:
    shown: list[str] = []
    log = FunctionLog(tmp_path / "logs" / "star.log", shown.append)
    log.write("a line")
    log.report(report())
    log.close()
    assert log.path.read_text() == f"a line\n{report().line()}\n"
    assert shown == [f"star: {report().line()}"]


def test_a_full_log_is_kept_once_and_started_over(tmp_path: Path) -> None:
    # Given a log above its limit, which another process holds open too
    log = FunctionLog(tmp_path / "star.log")
    log.write("x" * 100)
    # When it is rotated and written again
    log.rotate(limit=50)
    log.write("fresh")
    log.close()
    # Then the old lines stand beside it
    assert log.path.read_text() == "fresh\n"
    assert (tmp_path / "star.log.1").read_text() == "x" * 100 + "\n"


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = FunctionLog(tmp_path / "star.log")
    log.write("kept")
    log.rotate()
    log.close()
    assert log.path.read_text() == "kept\n"
