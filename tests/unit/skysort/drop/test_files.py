"""Bytes in and out of the store."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.drop import files
from skysort.drop.files import DraftFile, SourceFile, fetched
from skysort.errors import InfrastructureError, LimitExceededError
from skysort.s3.objects import Target
from tests.conftest import ROOT
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target("results", "k", None, "text/plain", {})


@pytest.mark.parametrize("size", [1, 9, 10, 11, 30, 35])
def test_a_file_is_read_whole_in_ranges(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(files, "RANGE_BYTES", 10)
    store = MemoryStore()
    body = bytes(range(size))
    blocks = list(SourceFile(store, store.upload("k", body)).blocks())
    assert b"".join(blocks) == body
    assert all(len(block) == 10 for block in blocks[:-1])


def test_a_range_that_fails_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a store that fails every other time
    monkeypatch.setattr(files, "RANGE_BYTES", 10)
    attempts = count()

    def before(operation: str, _key: str) -> None:
        if operation == "read" and next(attempts) % 2 == 0:
            raise InfrastructureError("S3 is away")

    store = MemoryStore(before)
    upload = store.upload("k", b"x" * 25)

    # When / Then
    assert b"".join(SourceFile(store, upload).blocks()) == b"x" * 25


def test_the_bytes_are_those_of_the_events_version() -> None:
    store = MemoryStore()
    older = store.upload("k", b"older")
    store.upload("k", b"newer")
    assert b"".join(SourceFile(store, older).blocks()) == b"older"


def test_a_fetched_file_is_gone_afterwards_even_on_errors() -> None:
    seen: list[Path] = []

    def work() -> None:
        with fetched([b"ab", b"c"], 3) as path:
            seen.append(path)
            assert path.read_bytes() == b"abc"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert not seen[0].parent.exists()


def test_a_file_beyond_the_limit_is_refused() -> None:
    with pytest.raises(LimitExceededError), fetched([b"ab", b"cd"], 3):
        pass


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_whatever_is_written_arrives(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PART_BYTES", 16)
        patch.setattr(files, "_PARTS_OF_ONE_SIZE", 3)
        store = MemoryStore()
        file = DraftFile(store, TARGET)
        for piece in pieces:
            file.write(piece)
        file.commit(None)
        file.close()
    assert store.listing()["k"] == b"".join(pieces)
    assert file.size == len(b"".join(pieces))


def test_a_part_that_fails_is_reported_and_nothing_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(files, "PART_BYTES", 4)

    def before(operation: str, _key: str) -> None:
        if operation == "put_part":
            raise InfrastructureError("S3 is away")

    store = MemoryStore(before)
    file = DraftFile(store, TARGET)

    # When
    with pytest.raises(InfrastructureError, match="away"):
        file.write(b"12345678")
    file.close()

    # Then
    assert not store.unfinished
    assert not store.listing()


KILLED = """
import os, signal
from skysort.drop.files import fetched
with fetched([b"bytes"], 100):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files.sweep_temporary_folders.cache_clear()
    return tmp_path


def test_the_file_that_a_killed_function_had_fetched_is_gone_when_the_next_one_begins(temporary: Path) -> None:
    # Given a function that was killed over a file
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers"), "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False)
    assert [path.read_bytes() for path in temporary.rglob("table")] == [b"bytes"]
    # When the next one begins, in the same sandbox
    files.sweep_temporary_folders()
    # Then
    assert list(temporary.iterdir()) == []


def test_a_process_that_has_the_number_of_the_killed_one_takes_its_folder_away_too(temporary: Path) -> None:
    (temporary / f"skysort-drop-{os.getpid()}-abc").mkdir()
    files.sweep_temporary_folders()
    assert list(temporary.iterdir()) == []


def test_what_others_have_stays(temporary: Path) -> None:
    kept = {f"skysort-drop-{os.getppid()}-abc", "skysort-drop-1-abc", "skysort-abc", "another"}
    for name in kept:
        (temporary / name).mkdir()
    files.sweep_temporary_folders()
    assert {path.name for path in temporary.iterdir()} == kept


def test_only_the_first_batch_sweeps(temporary: Path) -> None:
    files.sweep_temporary_folders()
    with files.temporary_folder() as folder:
        files.sweep_temporary_folders()
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []
