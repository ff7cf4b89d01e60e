"""The steps of a job on this machine: in order, and what follows a part that fails or is killed."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from skysort_cli.local_parts import LocalMachine
from skysort_cli.worker_processes import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "bulk/shared/star-20261128-084500-1a2b3c/runs/0001/start.json"
KILLED = Answer({}, "ProcessEnded", "the process that did it ended with SIGKILL", killed=True)


@dataclass
class FakeSteps:
    """The steps of the whole job. price: what pricing answers. fails: the step that raises, and what."""

    price: Mapping[str, Any] = field(default_factory=lambda: {"go": "yes", "parts_key": "parts.json"})
    planned: bool = False
    fails: Mapping[str, Exception] = field(default_factory=dict)
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def run(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self.events.append(event)
        if event["step"] in self.fails:
            raise self.fails[event["step"]]
        return {"plan": {"planned": self.planned, "family": "star-bulk"}, "price": self.price}.get(event["step"], {})

    @property
    def steps(self) -> list[str]:
        return [event["step"] for event in self.events]


@dataclass
class FakeWorkers:
    """Two processes that answer in another order than they were asked.

    answers: by step and part, those that are given before the part is done.
    """

    answers_of: dict[tuple[str, int | None], list[Answer]] = field(default_factory=dict)
    done: list[tuple[str, int | None]] = field(default_factory=list)
    _calls: deque[tuple[Any, Mapping[str, Any]]] = field(default_factory=deque)
    count: int = 2

    @property
    def is_free(self) -> bool:
        return len(self._calls) < 2

    def give(self, token: Any, call: Mapping[str, Any]) -> None:
        assert self.is_free
        self._calls.append((token, call))

    def answers(self, _timeout_s: float) -> Iterator[tuple[Any, Answer]]:
        token, call = self._calls.pop()
        about = ("beside" if "beside" in call else call["step"], call.get("part", {}).get("part"))
        self.done.append(about)
        failures = self.answers_of.get(about, [])
        yield token, failures.pop(0) if failures else Answer({})


def run(steps: FakeSteps, workers: FakeWorkers, parts: int = 3) -> None:
    def read(key: str) -> bytes:
        assert key == "parts.json"
        return json.dumps([{"part": part} for part in range(parts)]).encode()

    LocalMachine(steps, cast("Any", workers), read).run(KEY)


def test_a_job_is_planned_probed_priced_done_and_finished() -> None:
    steps, workers = FakeSteps(), FakeWorkers()
    run(steps, workers)
    assert steps.steps == ["plan", "price", "finish"]
    assert sorted(workers.done[:2]) == [("beside", None), ("probe", None)]
    assert sorted(workers.done[2:]) == [("part", 0), ("part", 1), ("part", 2)]
    assert {event["key"] for event in steps.events} == {KEY}


@pytest.mark.parametrize(("go", "steps_done"), [("no", ["plan", "price"]), ("finish", ["plan", "price", "finish"])])
def test_nothing_is_classified_where_only_the_plan_is_wanted_or_nothing_is_left(go: str, steps_done: list[str]) -> None:
    steps, workers = FakeSteps({"go": go, "parts_key": "parts.json"}, planned=True), FakeWorkers()
    run(steps, workers)
    assert steps.steps == steps_done
    assert workers.done == []


def test_a_core_that_is_kept_busy_beside_the_probe_may_fail() -> None:
    steps, workers = FakeSteps(), FakeWorkers({("beside", None): [KILLED]})
    run(steps, workers)
    assert steps.steps == ["plan", "price", "finish"]
    assert workers.done.count(("beside", None)) == 1


def test_a_part_whose_process_is_killed_is_done_again() -> None:
    steps, workers = FakeSteps(planned=True), FakeWorkers({("part", 1): [KILLED]})
    run(steps, workers)
    assert sorted(workers.done) == [("part", 0), ("part", 1), ("part", 1), ("part", 2)]
    assert steps.steps == ["plan", "price", "finish"]


def test_a_part_that_kills_every_time_is_split_and_then_given_up() -> None:
    steps, workers = (
        FakeSteps(planned=True),
        FakeWorkers({("part", 1): [KILLED] * 3, ("split", 1): [KILLED] * 2}),
    )
    run(steps, workers)
    assert workers.done.count(("part", 1)) == 3
    assert workers.done.count(("split", 1)) == 2
    assert steps.steps == ["plan", "price", "give-up", "finish"]
    given_up = steps.events[2]
    assert (given_up["part"], given_up["error"]["Error"]) == ({"part": 1}, "ProcessEnded")
    assert "SIGKILL" in json.loads(given_up["error"]["Cause"])["errorMessage"]


def test_a_part_that_is_split_counts_as_done() -> None:
    steps, workers = FakeSteps(planned=True), FakeWorkers({("part", 1): [Answer({}, "MemoryError", "")] * 3})
    run(steps, workers)
    assert ("split", 1) in workers.done
    assert steps.steps == ["plan", "price", "finish"]


def test_a_refusal_ends_the_job_before_further_parts() -> None:
    refused = Answer({}, "BulkRefused", "the file x changed while it was read; start a new job")
    steps, workers = FakeSteps(planned=True), FakeWorkers({("part", 1): [refused]})
    run(steps, workers, parts=100)
    assert steps.steps == ["plan", "price", "end"]
    assert steps.events[2]["error"]["Error"] == "BulkRefused"
    assert len(workers.done) < 5


@pytest.mark.parametrize("step", ["plan", "price", "finish"])
def test_an_error_of_a_step_of_the_job_is_recorded_as_its_end(step: str) -> None:
    steps = FakeSteps(fails={step: ValueError("a bug")})
    run(steps, FakeWorkers())
    assert steps.steps[-2:] == [step, "end"]
    assert steps.events[-1]["error"] == {
        "Error": "ValueError",
        "Cause": '{"errorMessage": "a bug", "errorType": "ValueError"}',
    }


def test_a_probe_that_always_fails_ends_the_job() -> None:
    steps, workers = FakeSteps(), FakeWorkers({("probe", None): [KILLED] * 3})
    run(steps, workers)
    assert steps.steps == ["plan", "end"]
