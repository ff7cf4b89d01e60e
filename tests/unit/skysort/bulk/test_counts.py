"""The document that commits a part."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk.counts import Attempt, Counts, Failure, Rows, StoredData, Tally
from skysort.errors import InfrastructureError
from skysort.limits import BULK_FAILURES_LISTED

AMOUNTS = st.integers(0, 2**40)


def tally() -> Tally:
    counted = Tally([Rows(5, 1), Rows(3)])
    counted.classes.update({"STAR": 6, "QSO": 2})
    counted.warn("sentinels", "cells with -9999", 2)
    counted.warn("sentinels", "another detail", 1)
    counted.fail([Failure("incoming/star/a.csv", 1, 4, "it ends the process", 2)])
    return counted


def test_counts_are_read_as_they_were_written() -> None:
    counts = Counts.of(17, tally(), "star 1.2.0", Attempt.SPLIT)
    counts.data = StoredData("bulk/shared/j/data/block=0000/part-00017.parquet", "abc", 1_234)
    counts.ms, counts.memory_mb, counts.requests = 1_500, 1_769, {"get": 4, "put": 2}

    document = json.loads(counts.to_json())

    assert document["rows"] == {"in": 11, "out": 8, "rejected": 1, "failed": 2}
    assert document["slices"][1] == {"in": 5, "out": 3, "rejected": 0, "failed": 2}
    assert document["warnings"] == [{"code": "sentinels", "detail": "cells with -9999", "rows": 3}]
    assert Counts.read(counts.to_json()) == counts


def test_failures_are_counted_all_and_listed_up_to_a_number() -> None:
    counted = Tally([Rows()])

    counted.fail(Failure("a", 0, row, "it cannot be read") for row in range(1, 501))

    assert counted.slices[0].failed == 500
    assert len(counted.failures) == BULK_FAILURES_LISTED


@given(st.lists(st.builds(Rows, AMOUNTS, AMOUNTS, AMOUNTS), max_size=5), st.dictionaries(st.text(), AMOUNTS))
def test_any_counts_survive_the_document(slices: list[Rows], classes: dict[str, int]) -> None:
    counts = Counts(3, slices, classes, "star 1")

    assert Counts.read(counts.to_json()) == counts
    assert counts.rows.read == counts.rows.out + counts.rows.rejected + counts.rows.failed


@pytest.mark.parametrize(
    "change",
    [
        {"rows": {"in": 12, "out": 8, "rejected": 1, "failed": 2}},
        {"rows": {"in": 9, "out": 8, "rejected": 1, "failed": 0}},
        {"slices": [{"in": 1, "out": 0, "rejected": 0, "failed": 0}]},
        {"attempt": "other"},
        {"classes": 3},
        {"data": {"key": "k"}},
        {"part": None},
    ],
    ids=["sum", "slices", "slice", "attempt", "classes", "data", "part"],
)
def test_damaged_counts_are_a_fault_of_the_store(change: dict[str, object]) -> None:
    document = {**json.loads(Counts.of(17, tally(), "star 1.2.0").to_json()), **change}

    with pytest.raises(InfrastructureError, match="damaged"):
        Counts.read(json.dumps(document).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"{}"])
def test_anything_else_is_not_counts(body: bytes) -> None:
    with pytest.raises(InfrastructureError, match="damaged"):
        Counts.read(body)
