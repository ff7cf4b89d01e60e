"""The interpreter of state machines: each type of state, retries, catchers, and the definition of trainings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.local.state_machine import StateError, StateMachine
from infra.state_machine.definition import REFUSED, training_definition
from infra.state_machine.states import THROTTLED, TIMED_OUT

KEY = "trainings/shared/pictures-20261128-084500-1a2b3c/request.json"
STAR_KEY = "trainings/shared/star-20261128-084500-1a2b3c/request.json"


@dataclass
class Functions:
    """Functions that note their calls; an outcome list per step holds errors to raise before it succeeds."""

    shards: list[int] = field(default_factory=lambda: [0, 1, 2])
    errors: dict[str, list[str]] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def invoke(self, name: str, payload: Any) -> Any:
        self.calls.append((name, payload))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        if waiting := self.errors.get(payload["step"]):
            raise StateError(waiting.pop(0), "a cause")
        return {"shards": self.shards} if payload["step"] == "read" else {}

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def machine(self, definition: dict[str, Any]) -> StateMachine:
        return StateMachine(
            definition, self.invoke, lambda name, _: self.states.append(name), self.sleep, lambda _, high: high
        )

    def train(self, key: str = KEY) -> Any:
        return asyncio.run(self.machine(training_definition("custom-train", "star-train")).run({"key": key}))

    @property
    def steps(self) -> list[str]:
        return [payload["step"] for _, payload in self.calls]


def run(states: dict[str, Any], document: Any = None) -> Any:
    """The output of a machine that starts at its first state and calls no function."""
    definition = {"StartAt": next(iter(states)), "States": states}
    return asyncio.run(Functions().machine(definition).run(document))


def test_a_training_of_pictures_runs_its_steps_in_order() -> None:
    # Given
    functions = Functions()
    # When
    output = functions.train()
    # Then every shard gets its features between reading and fitting
    assert functions.steps == ["read", "features", "features", "features", "fit", "evaluate", "publish"]
    assert [payload["shard"] for _, payload in functions.calls[1:4]] == [0, 1, 2]
    assert {name for name, _ in functions.calls} == {"custom-train"}
    assert all(payload["key"] == KEY for _, payload in functions.calls)
    assert output == {"key": KEY, "read": {"shards": [0, 1, 2]}}


def test_a_training_of_stars_has_no_shards() -> None:
    functions = Functions()
    functions.train(STAR_KEY)
    assert functions.calls == [("star-train", {"key": STAR_KEY, "step": step}) for step in STAR_STEPS]


STAR_STEPS = ("read", "fit", "evaluate", "publish")


def test_at_most_eight_shards_are_computed_at_once() -> None:
    functions = Functions(shards=list(range(30)))
    functions.train()
    assert functions.most == 8


def test_a_training_without_shards_goes_on() -> None:
    functions = Functions(shards=[])
    functions.train()
    assert functions.steps == ["read", "fit", "evaluate", "publish"]


def test_a_refused_training_is_not_retried_and_its_execution_succeeds() -> None:
    # Given
    functions = Functions(errors={"read": [REFUSED]})
    # When
    functions.train()
    # Then
    error = {"Error": REFUSED, "Cause": "a cause"}
    assert functions.calls[1:] == [("custom-train", {"key": KEY, "step": "fail", "error": error})]
    assert functions.states == ["Kind", "ReadPictures", "RecordPicturesFailure", "Outcome", "Refused"]
    assert functions.pauses == []


def test_a_killed_step_is_tried_again_after_longer_and_longer_pauses() -> None:
    functions = Functions(errors={"fit": ["Runtime.ExitError"] * 3})
    functions.train()
    assert functions.steps.count("fit") == 4
    assert functions.pauses == [1, 2, 4]
    assert functions.states[-1] == "Done"


def test_a_step_that_ran_out_of_time_is_tried_once_more_and_no_oftener() -> None:
    functions = Functions(errors={"fit": [TIMED_OUT] * 2})
    with pytest.raises(StateError, match="TrainingFailed"):
        functions.train(STAR_KEY)
    assert functions.steps == ["read", "fit", "fit", "fail"]


def test_a_step_that_fails_again_and_again_is_recorded_and_fails_the_execution() -> None:
    functions = Functions(errors={"evaluate": ["MemoryError"] * 4})
    with pytest.raises(StateError) as failure:
        functions.train(STAR_KEY)
    assert failure.value.error == "TrainingFailed"
    assert functions.steps == ["read", "fit", *["evaluate"] * 4, "fail"]


def test_one_shard_that_fails_for_good_fails_the_training_once() -> None:
    # Given a shard that needs more attempts than there are
    functions = Functions(shards=[0], errors={"features": ["Boom"] * 4})
    # When
    with pytest.raises(StateError, match="TrainingFailed"):
        functions.train()
    # Then
    assert functions.calls[-1][1]["error"] == {"Error": "Boom", "Cause": "a cause"}
    assert functions.steps.count("fail") == 1


def test_throttled_calls_have_attempts_of_their_own() -> None:
    functions = Functions(errors={"fit": [THROTTLED] * 6 + ["Boom"] * 3})
    functions.train()
    assert functions.pauses == [1, 2, 4, 8, 16, 30, 1, 2, 4]


def test_a_key_of_another_kind_fails() -> None:
    functions = Functions()
    with pytest.raises(StateError) as failure:
        functions.train("trainings/shared/poem-1/request.json")
    assert failure.value.error == "UnknownKind"
    assert functions.calls == []


def test_full_jitter_draws_from_zero_to_the_pause() -> None:
    # Given a draw that notes its bounds
    drawn: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    functions = Functions(errors={"read": ["Boom", "Boom"]})
    machine = StateMachine(training_definition("a", "b"), functions.invoke, sleep=functions.sleep, jitter=jitter)
    # When
    asyncio.run(machine.run({"key": KEY}))
    # Then
    assert drawn == [(0.0, 1), (0.0, 2)]


def test_pass_puts_its_result_where_it_is_told() -> None:
    state = {"Type": "Pass", "Parameters": {"b.$": "$.a"}, "ResultPath": "$.c.d", "End": True}
    assert run({"Only": state}, {"a": 1}) == {"a": 1, "c": {"d": {"b": 1}}}
    assert run({"Only": {"Type": "Pass", "Result": 7, "End": True}}, {"a": 1}) == 7
    assert run({"Only": {"Type": "Pass", "OutputPath": "$.a", "End": True}}, {"a": 1}) == 1
    assert run({"Only": {"Type": "Pass", "InputPath": None, "End": True}}, {"a": 1}) == {}


def test_succeed_ends_with_its_input() -> None:
    assert run({"Only": {"Type": "Succeed"}}, {"a": 1}) == {"a": 1}


def test_fail_ends_with_its_error() -> None:
    with pytest.raises(StateError) as failure:
        run({"Only": {"Type": "Fail", "Error": "Own", "Cause": "why"}})
    assert (failure.value.error, failure.value.cause) == ("Own", "why")


@pytest.mark.parametrize(("value", "expected"), [("ab/c", "First"), ("ac", "Second"), (5, "Third"), ("a\nb", "Third")])
def test_a_choice_takes_the_first_rule_that_holds(value: Any, expected: str) -> None:
    states = {
        "Choose": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.v", "StringMatches": "a*/*", "Next": "First"},
                {"Variable": "$.v", "StringEquals": "ac", "Next": "Second"},
            ],
            "Default": "Third",
        },
        **{name: {"Type": "Pass", "Result": name, "End": True} for name in ("First", "Second", "Third")},
    }
    assert run(states, {"v": value}) == expected


def test_a_choice_without_a_match_or_default_is_an_error() -> None:
    state = {"Type": "Choice", "Choices": [{"Variable": "$.v", "StringEquals": "a", "Next": "Choose"}]}
    with pytest.raises(StateError, match="NoChoiceMatched"):
        run({"Choose": state}, {"v": "b"})


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Pass", "Parameters": {"a.$": "$.nothing"}},
        {"Type": "Pass", "OutputPath": "$.nothing"},
        {"Type": "Map", "ItemsPath": "$.v"},
    ],
)
def test_a_path_to_nothing_ends_the_execution_whatever_is_caught(state: dict[str, Any]) -> None:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    more = {"ItemProcessor": processor, "Catch": CATCH} if state["Type"] == "Map" else {}
    with pytest.raises(StateError, match=r"States\.Runtime"):
        run({"Only": {**state, **more, "Next": "Other"}, "Other": {"Type": "Succeed"}}, {"v": 1})


CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Other"}]


def test_a_map_keeps_the_order_of_its_items_and_knows_their_index() -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.more"}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": selector, "ItemProcessor": processor, "End": True}
    output = run({"Only": state}, {"items": ["a", "b"], "more": 1})
    assert output == [{"i": 0, "v": "a", "all": 1}, {"i": 1, "v": "b", "all": 1}]


def test_a_task_failure_matches_every_error_but_timeouts() -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "Payload": {"step": "s"}},
        "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}],
        "End": True,
    }
    definition = {"StartAt": "T", "States": {"T": task, "Caught": {"Type": "Succeed"}}}
    caught = Functions(errors={"s": ["Own"]})
    assert asyncio.run(caught.machine(definition).run({})) == {"Error": "Own", "Cause": "a cause"}
    missed = Functions(errors={"s": ["States.Timeout"]})
    with pytest.raises(StateError, match=r"States\.Timeout"):
        asyncio.run(missed.machine(definition).run({}))


def test_a_cancelled_execution_cancels_its_calls() -> None:
    # Given a map whose calls never end
    ended: list[int] = []

    async def invoke(_: str, payload: Any) -> Any:
        if payload["step"] == "read":
            return {"shards": [0, 1]}
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(payload["shard"])

    async def cancelled() -> None:
        task = asyncio.ensure_future(StateMachine(training_definition("a", "b"), invoke).run({"key": KEY}))
        for _ in range(10):
            await asyncio.sleep(0)
        # When
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    # Then
    assert sorted(ended) == [0, 1]
