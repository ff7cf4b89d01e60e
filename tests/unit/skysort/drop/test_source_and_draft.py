"""Bytes in and out of the store."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.drop import draft as drafts
from skysort.drop import source as sources
from skysort.drop.draft import DraftFile
from skysort.drop.source import SourceFile, fetched
from skysort.drop.store import Target
from skysort.errors import InfrastructureError, LimitExceededError
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target("results", "k", None, "text/plain", {})


@pytest.mark.parametrize("size", [1, 9, 10, 11, 30, 35])
def test_a_file_is_read_whole_in_ranges(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sources, "RANGE_BYTES", 10)
    store = MemoryStore()
    body = bytes(range(size))
    blocks = list(SourceFile(store, store.upload("k", body)).blocks())
    assert b"".join(blocks) == body
    assert all(len(block) == 10 for block in blocks[:-1])


def test_a_range_that_fails_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a store that fails every other time
    monkeypatch.setattr(sources, "RANGE_BYTES", 10)
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
        patch.setattr(drafts, "PART_BYTES", 16)
        patch.setattr(drafts, "_PARTS_OF_ONE_SIZE", 3)
        store = MemoryStore()
        file = DraftFile(store, TARGET)
        for piece in pieces:
            file.write(piece)
        file.commit(None)
        file.close(committed=True)
    assert store.listing()["k"] == b"".join(pieces)
    assert file.size == len(b"".join(pieces))


def test_a_part_that_fails_is_reported_and_nothing_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(drafts, "PART_BYTES", 4)

    def before(operation: str, _key: str) -> None:
        if operation == "put_part":
            raise InfrastructureError("S3 is away")

    store = MemoryStore(before)
    file = DraftFile(store, TARGET)

    # When
    with pytest.raises(InfrastructureError, match="away"):
        file.write(b"12345678")
    file.close(committed=False)

    # Then
    assert not store.unfinished
    assert not store.listing()
