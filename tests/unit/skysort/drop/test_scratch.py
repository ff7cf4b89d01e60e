"""What a killed function left in /tmp does not stay there."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from skysort.drop import scratch
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

KILLED = """
import os, signal
from skysort.drop.source import fetched
with fetched([b"bytes"], 100):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch.sweep.cache_clear()
    return tmp_path


def test_the_file_that_a_killed_function_had_fetched_is_gone_when_the_next_one_begins(temporary: Path) -> None:
    # Given a function that was killed over a file
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers"), "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False)
    assert [path.read_bytes() for path in temporary.rglob("table")] == [b"bytes"]
    # When the next one begins, in the same sandbox
    scratch.sweep()
    # Then
    assert list(temporary.iterdir()) == []


def test_a_process_that_has_the_number_of_the_killed_one_takes_its_folder_away_too(temporary: Path) -> None:
    (temporary / f"skysort-drop-{os.getpid()}-abc").mkdir()
    scratch.sweep()
    assert list(temporary.iterdir()) == []


def test_what_others_have_stays(temporary: Path) -> None:
    kept = {f"skysort-drop-{os.getppid()}-abc", "skysort-drop-1-abc", "skysort-abc", "another"}
    for name in kept:
        (temporary / name).mkdir()
    scratch.sweep()
    assert {path.name for path in temporary.iterdir()} == kept


def test_only_the_first_batch_sweeps(temporary: Path) -> None:
    scratch.sweep()
    with scratch.folder() as folder:
        scratch.sweep()
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []
