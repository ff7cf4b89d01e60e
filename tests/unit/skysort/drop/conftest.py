"""A drop worker over an object store in memory, with a classifier that needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.drop.ledger import Report
from skysort.drop.worker import DropWorker
from skysort.errors import MalformedInputError
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from skysort.drop.files import Draft, SourceFile


class Shouter:
    """Answers in capitals; lines with a question mark are rejected, a file with an exclamation mark is refused."""

    name = "star"
    version = "1.0.0"
    suffixes = ("", ".rejected.csv")

    def __init__(self) -> None:
        self.files = 0

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        self.files += 1
        out = draft.open("", "text/plain")
        for block in source.blocks():
            if b"!" in block:
                raise MalformedInputError("no shouting, please")
            if b"?" in block:
                draft.open(".rejected.csv", "text/csv").write(b"a question\n")
            out.write(block.upper())
        return Report({"rows": 1}, {"Rows": 1})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def shouter() -> Shouter:
    return Shouter()


@pytest.fixture
def worker(store: MemoryStore, shouter: Shouter) -> DropWorker:
    return DropWorker(store, "results", shouter, clock=lambda: 0.0)
