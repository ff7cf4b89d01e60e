"""Files named like other files' records: each has a record of its own, and nobody else's is touched."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from skysort.drop.ledger import Outcome

if TYPE_CHECKING:
    from skysort.drop.worker import DropWorker
    from tests.fakes.object_store import MemoryStore

GOOD, QUESTION, BAD = b"hello", b"hello?", b"hello!"
FOLDER = "incoming/star/b/"
RECORDS = {GOOD: {"a", "a.json"}, QUESTION: {"a", "a.json", "a.rejected.csv"}, BAD: {"a.error.json"}}


@pytest.mark.parametrize("content", [GOOD, QUESTION, BAD])
@pytest.mark.parametrize("name", ["a.error", "a.json", "a.rejected.csv", "a.error.json"])
@pytest.mark.parametrize("same_content", [True, False])
@pytest.mark.parametrize("order", list(permutations(["file", "namesake", "again"])), ids="-".join)
def test_a_file_and_one_named_like_its_record_keep_apart(
    content: bytes,
    name: str,
    order: tuple[str, ...],
    store: MemoryStore,
    worker: DropWorker,
    *,
    same_content: bool,
) -> None:
    # Given a file, another one named as one of its records could be, and the file once more, dropped in some order
    bodies = {"file": QUESTION, "namesake": content if same_content else b"other", "again": content}
    uploads = [store.upload(FOLDER + (name if who == "namesake" else "a"), bodies[who]) for who in order]
    # When all are worked on, and delivered again
    for upload in uploads * 2:
        worker.process(upload)
    # Then the file has its newest outcome, and the other one a record that says what would be right
    newest = bodies[[who for who in order if who != "namesake"][-1]]
    assert set(store.listing()) == {f"star/b/{key}" for key in (*RECORDS[newest], f"{name}.error.json")}
    problem = json.loads(store.listing()[f"star/b/{name}.error.json"])
    assert problem["source"]["key"] == FOLDER + name
    assert "rename the file" in problem["detail"]


@pytest.mark.parametrize("sequencer", ["", "00AB"])
def test_files_of_one_moment_and_content_are_not_taken_for_each_other(
    sequencer: str, store: MemoryStore, worker: DropWorker
) -> None:
    # Given two uploads of the same bytes without versions, in a store whose events tell them apart by their keys only
    uploads = [
        replace(store.upload(FOLDER + name, BAD, versioned=False), sequencer=sequencer) for name in ("a", "a.error")
    ]
    # When / Then each has its own outcome
    assert [worker.process(upload)[0] for upload in uploads] == [Outcome.REFUSED, Outcome.REFUSED]
    assert set(store.listing()) == {"star/b/a.error.json", "star/b/a.error.error.json"}
