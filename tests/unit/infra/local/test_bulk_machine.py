"""The state machine of bulk jobs in the local interpreter, and what a Distributed Map does with its parts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.asl import check
from infra.local.state_machine import StateError, StateMachine
from infra.state_machine.bulk import CANCELLED, REFUSED, bulk_definition
from infra.state_machine.states import THROTTLED, TIMED_OUT
from tests.fakes.bulk_functions import BUCKET, FAMILIES, KEY, PARTS_KEY, BulkFunctions, item

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Run:
    """An execution: its functions, states and pauses, and the most calls that ran at once."""

    functions: BulkFunctions
    content: bytes | None = None
    states: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def invoke(self, name: str, payload: Any) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(3):
            await asyncio.sleep(0)
        self.running -= 1
        answer = self.functions.call(name, payload)
        if "errorType" in answer:
            raise StateError(answer["errorType"], json.dumps(answer))
        return answer

    async def objects(self, bucket: str, key: str) -> bytes:
        assert (bucket, key) == (BUCKET, PARTS_KEY)
        return self.functions.parts_json() if self.content is None else self.content

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def execute(self) -> Any:
        machine = StateMachine(
            bulk_definition("bulk", FAMILIES),
            self.invoke,
            lambda name, _: self.states.append(name),
            self.sleep,
            lambda _, high: high,
            self.objects,
        )
        return asyncio.run(machine.run({"key": KEY}))


def executed(**functions: Any) -> Run:
    run = Run(BulkFunctions(**functions))
    run.execute()
    return run


def test_its_definition_is_known() -> None:
    check(bulk_definition("bulk", FAMILIES))


def test_a_job_is_planned_probed_priced_run_part_by_part_and_finished() -> None:
    # When
    run = executed()
    # Then
    assert run.functions.steps == ["plan", "probe", "price", "part 0", "part 1", "part 2", "finish"]
    assert run.functions.calls[0] == ("bulk", {"key": KEY, "step": "plan"})
    assert run.functions.calls[1] == ("star-bulk", {"key": KEY, "step": "probe"})
    assert run.functions.calls[5] == ("star-bulk", {"key": KEY, "step": "part", "part": item(2)})
    assert run.states[-1] == "Done"


@pytest.mark.parametrize("family", FAMILIES)
def test_each_familys_function_runs_its_parts(family: str) -> None:
    run = executed(family=family)
    assert {name for name, payload in run.functions.calls if payload["step"] in {"probe", "part"}} == {family}


@pytest.mark.parametrize(
    ("functions", "steps"),
    [
        ({"planned": True}, ["plan", "price", "part 0", "part 1", "part 2", "finish"]),
        ({"go": "no"}, ["plan", "probe", "price"]),
        ({"go": "finish", "planned": True}, ["plan", "price", "finish"]),
        ({"parts": 0}, ["plan", "probe", "price", "finish"]),
    ],
)
def test_what_is_done_already_or_was_not_wanted_is_left_out(functions: Mapping[str, Any], steps: list[str]) -> None:
    run = executed(**functions)
    assert run.functions.steps == steps
    assert run.states[-1] == "Done"


def test_a_killed_part_is_tried_again_after_longer_and_longer_pauses() -> None:
    run = executed(errors={"part 1": 3}, error="Runtime.ExitError")
    assert run.functions.steps.count("part 1") == 4
    assert run.functions.steps.count("part 0") == 1
    assert run.pauses == [1, 2, 4]
    assert run.functions.steps[-1] == "finish"


def test_a_part_that_fails_again_and_again_is_split_once() -> None:
    run = executed(errors={"part 1": 4}, error="Runtime.ExitError")
    assert run.functions.steps.count("split 1") == 1
    assert "give-up 1" not in run.functions.steps
    assert run.states[-1] == "Done"


def test_a_part_that_cannot_be_split_is_given_up_with_its_error_and_the_others_are_done() -> None:
    # Given
    run = executed(errors={"part 1": 4, "split 1": 4}, error="MemoryError")
    # Then
    (given,) = [(name, payload) for name, payload in run.functions.calls if payload["step"] == "give-up"]
    assert given[0] == "bulk"
    assert (given[1]["part"], given[1]["error"]["Error"]) == (item(1), "MemoryError")
    assert run.functions.steps.count("part 2") == 1
    assert run.functions.steps[-1] == "finish"


def test_a_part_that_runs_out_of_time_is_tried_once_more_then_split() -> None:
    run = executed(errors={"part 0": 9}, error=TIMED_OUT)
    assert run.functions.steps.count("part 0") == 2
    assert run.functions.steps.count("split 0") == 1


def test_a_throttled_part_waits_for_its_turn() -> None:
    run = executed(errors={"part 0": 20}, error=THROTTLED)
    assert run.functions.steps.count("part 0") == 21
    assert "split 0" not in run.functions.steps


@pytest.mark.parametrize(
    ("error", "outcome", "state"), [(REFUSED, "refused", "RefusedStar"), (CANCELLED, "cancelled", "CancelledStar")]
)
def test_a_part_that_ends_its_job_is_not_retried_and_no_further_one_starts(
    error: str, outcome: str, state: str
) -> None:
    # Given twenty parts of which the first finds that the job has ended
    run = Run(BulkFunctions(errors={"part 0": 1}, error=error, parts=20, outcome=outcome))
    # When
    run.execute()
    # Then the end is recorded, by the name that Step Functions gives to the failure of a Map
    steps = run.functions.steps
    assert steps.count("part 0") == 1
    assert sum(step.startswith("part") for step in steps) < 6
    assert run.functions.calls[-1][1]["error"]["Error"] == "States.ExceedToleratedFailureThreshold"
    assert steps[-1] == "end"
    assert "finish" not in steps
    assert state in run.states
    assert run.states[-3:] == ["RecordEnd", "Outcome", outcome.capitalize()]


@pytest.mark.parametrize("step", ["plan", "probe", "price", "finish"])
def test_a_refused_job_ends_without_retries_and_its_execution_succeeds(step: str) -> None:
    run = executed(errors={step: 1}, error=REFUSED, outcome="refused")
    assert run.functions.steps[-2:] == [step, "end"]
    assert run.pauses == []
    assert run.states[-1] == "Refused"


@pytest.mark.parametrize("step", ["plan", "probe", "price", "finish"])
def test_a_step_that_fails_for_good_is_recorded_and_fails_the_execution(step: str) -> None:
    run = Run(BulkFunctions(errors={step: 4}, error="Boom"))
    with pytest.raises(StateError, match="BulkFailed"):
        run.execute()
    assert run.functions.steps[-5:] == [*[step] * 4, "end"]
    assert run.functions.calls[-1][1]["error"]["Error"] == "Boom"


@pytest.mark.parametrize("functions", [{}, {"planned": True}])
def test_a_family_that_nobody_runs_is_recorded(functions: Mapping[str, Any]) -> None:
    run = Run(BulkFunctions(family="poem-bulk", **functions))
    with pytest.raises(StateError, match="BulkFailed"):
        run.execute()
    assert run.functions.calls[-1][1]["error"]["Error"] == "UnknownFamily"


def test_at_most_the_familys_concurrency_of_parts_run_at_once() -> None:
    run = executed(parts=50)
    assert run.most == FAMILIES["star-bulk"].concurrency
    assert run.functions.steps.count("finish") == 1


@pytest.mark.parametrize("content", [b"{}", b"[", b"\xff"])
def test_items_that_are_no_array_fail_as_step_functions_says(content: bytes) -> None:
    run = Run(BulkFunctions(), content)
    with pytest.raises(StateError, match="BulkFailed"):
        run.execute()
    assert run.functions.calls[-1][1]["error"]["Error"] == "States.ItemReaderFailed"


def test_a_part_knows_nothing_of_the_map() -> None:
    """In AWS it is an execution of its own."""
    # Given a part whose function is given the index of its item
    definition = bulk_definition("bulk", FAMILIES)
    states = definition["States"]["PartsStar"]["ItemProcessor"]["States"]
    states["PartStar"]["Parameters"]["Payload"]["index.$"] = "$$.Map.Item.Index"
    run = Run(BulkFunctions())
    machine = StateMachine(definition, run.invoke, objects=run.objects)
    # When, Then
    with pytest.raises(StateError, match="BulkFailed"):
        asyncio.run(machine.run({"key": KEY}))
    assert "leads to nothing" in run.functions.calls[-1][1]["error"]["Cause"]


def test_what_a_map_of_ten_thousand_parts_puts_out_is_within_a_states_limit() -> None:
    """256 KiB: a child puts out an empty object."""
    # Given the Map alone, with its result as the output
    definition = bulk_definition("bulk", FAMILIES)
    parts = definition["States"]["PartsStar"]
    del parts["ResultPath"], parts["Next"], parts["Catch"]
    alone = {"StartAt": "PartsStar", "States": {"PartsStar": {**parts, "End": True, "MaxConcurrency": 0}}}
    run = Run(BulkFunctions(parts=10_000))
    machine = StateMachine(alone, run.invoke, objects=run.objects)
    # When
    output = asyncio.run(machine.run({"key": KEY, "price": {"bucket": BUCKET, "parts_key": PARTS_KEY}}))
    # Then
    assert len(output) == 10_000
    assert len(json.dumps(output)) < 256 * 1024
