"""The status of a training: it goes forward only, whoever writes it, and however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort import problems
from skysort.errors import InfrastructureError
from skysort.registry.keys import TrainingKeys
from skysort.trainings.status import FORM, Phase, StatusFile
from tests.fakes.model_store import MemoryModelStore

KEYS = TrainingKeys("shared", "pictures-20261128-084500-1a2b3c")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 28, 8, 45, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_a_training_waits_until_a_step_says_otherwise() -> None:
    assert StatusFile(MemoryModelStore(), KEYS).read()["phase"] == "waiting"


def test_phases_follow_each_other_with_their_seconds() -> None:
    # Given
    clock = Clock()
    status = StatusFile(MemoryModelStore(), KEYS, clock)
    # When
    status.advance(Phase.READING, progress={"done": 3, "total": 9, "unit": "pictures"})
    clock.pass_s(2)
    status.advance(Phase.READING, progress={"done": 9, "total": 9, "unit": "pictures"})
    clock.pass_s(1)
    between = status.advance(Phase.FITTING)
    clock.pass_s(5)
    done = status.advance(Phase.DONE, version="ab" * 32, promoted=True)
    # Then
    assert between["progress"] is None
    assert done == status.read()
    assert done["seconds"] == {"reading": 3.0, "fitting": 5.0}
    assert (done["phase"], done["updated"], done["promoted"]) == ("done", "2026-11-28T08:45:08Z", True)


@given(st.lists(st.sampled_from(list(Phase)), max_size=8))
def test_a_training_never_goes_back(phases: list[Phase]) -> None:
    status = StatusFile(MemoryModelStore(), KEYS)
    order = list(Phase)
    at = 0
    for phase in phases:
        written = Phase(status.advance(phase)["phase"])
        assert order.index(written) >= at
        assert written is phase or order.index(written) > order.index(phase) or order[at].ended
        at = order.index(written)


def test_what_ended_stays_as_it_ended() -> None:
    status = StatusFile(MemoryModelStore(), KEYS)
    problem = problems.document(400, "bad-input", "The input cannot be used", "one class only")
    status.fail(problem)
    assert status.advance(Phase.DONE, version="ab" * 32)["problem"] == problem
    assert status.fail(problems.internal(None))["problem"] == problem


def test_steps_that_write_at_once_both_count() -> None:
    # Given a step that is overtaken by another
    store = MemoryModelStore()
    other = StatusFile(store, KEYS)
    overtaken: list[str] = []

    def overtake(operation: str, key: str) -> None:
        if operation == "put" and not overtaken:
            overtaken.append(key)
            other.advance(Phase.FEATURES, refused={"count": 1, "files": []})

    store.before = overtake
    # When it writes
    status = StatusFile(store, KEYS).advance(Phase.FEATURES, progress={"done": 1, "total": 2, "unit": "pictures"})
    # Then nothing of the other is lost
    assert status["refused"]["count"] == 1
    assert status["progress"] == {"done": 1, "total": 2, "unit": "pictures"}


def test_a_step_that_never_gets_a_turn_fails_and_is_retried() -> None:
    store = MemoryModelStore()
    StatusFile(store, KEYS).advance(Phase.READING)

    def always_first(operation: str, key: str) -> None:
        if operation == "put":
            store.objects[key] += b" "

    store.before = always_first
    with pytest.raises(InfrastructureError, match="changed by others"):
        StatusFile(store, KEYS).advance(Phase.FITTING)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"phase": "dancing"}', b"\xff"])
def test_a_damaged_status_is_a_fault_of_the_service(body: bytes) -> None:
    with pytest.raises(InfrastructureError, match="is damaged"):
        FORM.parse(body)
