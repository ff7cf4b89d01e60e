"""Cold starts are logged by part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from skysort import observability as start

if TYPE_CHECKING:
    from pathlib import Path


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (record,) = [record for record in caplog.records if record.message == "started"]
    return vars(record)


def test_imports_and_what_came_after_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a process that is 250 ms old when its imports are done
    monkeypatch.setattr(start, "process_age_ms", lambda: 250.4)
    ticks = iter([100.0, 103.0])
    monkeypatch.setattr(start, "perf_counter", lambda: next(ticks))
    # When the model takes 3 s to load
    start.Start().done()
    # Then both are logged, in milliseconds
    line = logged(caplog)
    assert (line["imports_ms"], line["model_ms"]) == (250, 3_000)


def test_a_system_that_does_not_tell_a_process_its_age_leaves_that_part_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(start, "process_age_ms", lambda: None)
    start.Start().done()
    line = logged(caplog)
    assert "imports_ms" not in line
    assert "model_ms" in line


def test_the_age_of_a_process_is_read_from_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a process called "a) b" that was started 100 s after the machine, which is up for 103.5 s
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    (tmp_path / "stat").write_text("7 (a) b) S " + " ".join(["0"] * 18) + " 10000 0 0\n")
    (tmp_path / "uptime").write_text("103.50 200.00\n")
    names = {"/proc/self/stat": tmp_path / "stat", "/proc/uptime": tmp_path / "uptime"}
    monkeypatch.setattr(start, "Path", lambda name: names[name])
    # Then it is 3.5 s old, and of no known age where the system does not say
    assert start.process_age_ms() == pytest.approx(3_500)
    (tmp_path / "uptime").unlink()
    assert start.process_age_ms() is None
