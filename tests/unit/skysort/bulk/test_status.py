"""The status of a bulk job: it goes forward within a run, and on to a further run unless it is done."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from skysort import problems
from skysort.bulk.keys import BulkKeys
from skysort.bulk.status import Phase, StatusFile
from tests.fakes.model_store import MemoryModelStore

KEYS: Final = BulkKeys("shared", "star-20261128-084500-1a2b3c")
PROBLEM: Final = problems.document(400, "bad-input", "The input cannot be used", "there is nothing below it")


def test_a_job_waits_until_a_step_says_otherwise() -> None:
    status = StatusFile(MemoryModelStore(), KEYS, 1).read()
    assert (status["phase"], status["run"], status["problem"]) == ("waiting", 1, None)


def test_a_further_run_goes_on_with_a_failed_job() -> None:
    # Given
    store = MemoryModelStore()
    StatusFile(store, KEYS, 1).fail(PROBLEM)
    # When
    status = StatusFile(store, KEYS, 2).advance(Phase.RUNNING)
    # Then
    assert (status["phase"], status["run"], status["problem"]) == ("running", 2, None)


def test_a_late_message_of_an_earlier_run_changes_nothing() -> None:
    store = MemoryModelStore()
    StatusFile(store, KEYS, 1).advance(Phase.RUNNING)
    StatusFile(store, KEYS, 2).advance(Phase.WAITING)
    late = StatusFile(store, KEYS, 1).fail(PROBLEM)
    assert (late["phase"], late["run"], late["problem"]) == ("waiting", 2, None)


def test_nothing_follows_a_job_that_is_done() -> None:
    store = MemoryModelStore()
    StatusFile(store, KEYS, 1).advance(Phase.DONE)
    assert StatusFile(store, KEYS, 2).advance(Phase.RUNNING)["phase"] == "done"


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(list(Phase))), max_size=10))
def test_a_job_never_goes_back(steps: list[tuple[int, Phase]]) -> None:
    store = MemoryModelStore()
    order = list(Phase)
    at = (1, 0)
    for run, phase in steps:
        before = at
        status = StatusFile(store, KEYS, run).advance(phase)
        at = (status["run"], order.index(Phase(status["phase"])))
        assert at >= before
        assert at == before or at == (run, order.index(phase))
