"""Steps of any kind of training: phases, refusals, repeated and doubled steps, publication and promotion."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from skysort.errors import EmptyInputError, InfrastructureError, MalformedInputError, NotFoundError
from skysort.registry.keys import HELD_OUT, TrainingKeys, pointer_key
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.store import ConflictError
from skysort.registry.versions import VersionFiles
from skysort.trainings.request import Training
from skysort.trainings.status import Phase, StatusFile
from skysort.trainings.steps import Artefact, Job, Refused, Steps, TrainingRefused
from tests.fakes.model_store import MemoryModelStore, live_version

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = ("read", "features", "fit", "evaluate", "publish")
ONE = "pictures-20261128-084500-1a2b3c"
OTHER = "pictures-20261128-084501-4d5e6f"


@dataclass
class FakeKind:
    """Steps that do nothing but what a test asks for. right: how many of twenty held-out examples are right."""

    kind = Kind.PICTURES
    right: int = 18
    errors: dict[str, Exception] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def run(self, step: str, _job: Job, _event: Mapping[str, Any]) -> dict[str, Any]:
        self.ran.append(step)
        if step in self.errors:
            raise self.errors.pop(step)
        return {"shards": [0]} if step == "read" else {}

    def artefact(self, job: Job) -> Artefact:
        ids, truth = [f"{number:016x}" for number in range(20)], [number % 2 for number in range(20)]
        predicted = [label if place < self.right else 1 - label for place, label in enumerate(truth)]
        held_out = HeldOut(["a", "b"], ids, truth, predicted, [0.5] * 20)
        card = {"name": job.request.name, "kind": "pictures", "training": job.keys.id, "metrics": {"accuracy": 1}}
        return Artefact(card, {HELD_OUT: held_out.body()})

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"metrics": card["metrics"]}


@dataclass
class Bench:
    """A models bucket with trainings of one model."""

    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    kind: FakeKind = field(default_factory=FakeKind)

    def request(self, training: str = ONE, **options: Any) -> None:
        created, source = "2026-11-28T08:45:00Z", {"prefix": "p/"}
        document = Training(training, "shared", Kind.PICTURES, "dogs", created, source, options, self.live)
        self.store.put(TrainingKeys("shared", training).request, document.to_json())

    def run(self, step: str, training: str = ONE, **more: Any) -> dict[str, Any]:
        key = TrainingKeys("shared", training).request
        return Steps(self.store, [self.kind]).run({"key": key, "step": step, **more})

    def train(self, training: str = ONE, steps: tuple[str, ...] = STEPS, **options: Any) -> dict[str, Any]:
        if steps[0] == "read":
            self.request(training, **options)
        for step in steps:
            self.run(step, training)
        return self.status(training)

    def status(self, training: str = ONE) -> dict[str, Any]:
        return StatusFile(self.store, TrainingKeys("shared", training)).read()

    @property
    def live(self) -> str | None:
        return live_version(self.store, "dogs")

    @property
    def versions(self) -> set[str]:
        return {info.version for info in VersionFiles(self.store).versions("shared", "dogs")}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_first_training_goes_through_its_phases_and_is_live(bench: Bench) -> None:
    # Given
    bench.request()
    phases = []
    # When
    for step in STEPS:
        bench.run(step)
        phases.append(bench.status()["phase"])
    # Then
    assert phases == ["reading", "features", "fitting", "evaluating", "done"]
    status = bench.status()
    assert (status["promoted"], status["version"], status["metrics"]) == (True, bench.live, {"accuracy": 1})
    assert status["comparison"]["verdict"] == "first"
    assert set(status["seconds"]) == {"reading", "features", "fitting", "evaluating", "publishing"}


def test_reading_returns_what_the_state_machine_needs(bench: Bench) -> None:
    bench.request()
    assert bench.run("read") == {"shards": [0]}
    assert bench.run("fit") == {}


def test_a_refusal_is_in_the_status_with_its_problem_and_is_raised(bench: Bench) -> None:
    # Given
    bench.request()
    bench.kind.errors["read"] = EmptyInputError("nothing was uploaded to p/")
    # When
    with pytest.raises(TrainingRefused, match="nothing was uploaded to p/"):
        bench.run("read")
    # Then the step that records failures leaves it as it is
    bench.run("fail", error={"Error": "TrainingRefused", "Cause": json.dumps({"errorMessage": "another"})})
    status = bench.status()
    assert (status["phase"], status["problem"]["type"]) == ("failed", "urn:skysort:problem:empty-input")
    assert status["problem"]["detail"] == "nothing was uploaded to p/"


def test_what_is_gone_is_a_refusal_too(bench: Bench) -> None:
    bench.request()
    bench.kind.errors["read"] = NotFoundError("there is no incoming/training/dogs.zip")
    with pytest.raises(TrainingRefused):
        bench.run("read")
    assert bench.status()["problem"]["status"] == 404


def test_a_fault_of_the_service_is_raised_for_another_attempt(bench: Bench) -> None:
    # Given
    bench.request()
    bench.kind.errors["fit"] = InfrastructureError("S3 did not answer")
    # When
    with pytest.raises(InfrastructureError):
        bench.run("fit")
    # Then
    assert bench.status()["phase"] == "fitting"
    bench.run("fit")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"Error": "Runtime.ExitError", "Cause": "{}"}, "needed more time or memory than there is"),
        ({"Error": "Sandbox.Timedout", "Cause": "no json"}, "needed more time or memory than there is"),
        ({"Error": "KeyError", "Cause": '{"errorMessage": "x"}'}, "the service's log says why"),
        ({"Error": "TrainingRefused", "Cause": '{"errorMessage": "one class only"}'}, "one class only"),
        ({"Error": "TrainingRefused", "Cause": "one class only"}, "one class only"),
        ({}, "the service's log says why"),
    ],
)
def test_a_failure_is_written_down_as_a_sentence(bench: Bench, error: dict[str, str], expected: str) -> None:
    bench.train(steps=("read", "features"))
    bench.run("fail", error=error)
    status = bench.status()
    assert status["phase"] == "failed"
    assert expected in status["problem"]["detail"]


def test_a_training_that_has_ended_does_nothing_when_it_is_started_again(bench: Bench) -> None:
    # Given
    bench.train()
    before = dict(bench.store.objects)
    bench.kind.ran.clear()
    # When
    for step in STEPS:
        bench.run(step)
    bench.run("fail", error={"Error": "KeyError", "Cause": ""})
    # Then
    assert bench.kind.ran == []
    assert bench.store.objects == before
    assert bench.run("read") == {"shards": []}


@pytest.mark.parametrize("count", range(1, 8))
def test_a_publication_that_is_killed_anywhere_is_finished_by_the_next_attempt(bench: Bench, count: int) -> None:
    # Given a process that is killed before the n-th write of its publication
    bench.train(steps=STEPS[:-1])
    left = count

    def kill(operation: str, _key: str) -> None:
        nonlocal left
        left -= operation == "put"
        if left == 0:
            left = -1
            raise KeyboardInterrupt

    bench.store.before = kill
    try:
        bench.run("publish")
    except KeyboardInterrupt:
        # Then nothing that is published is in part
        for version in bench.versions:
            card = VersionFiles(bench.store).card("shared", "dogs", version)
            assert VersionFiles(bench.store).file("shared", "dogs", version, card, HELD_OUT)
    # When it is tried again
    bench.run("publish")
    # Then
    status = bench.status()
    assert (status["phase"], status["promoted"], status["version"]) == ("done", True, bench.live)
    assert bench.versions == {bench.live}
    assert len(Pointers(bench.store).read("shared", "dogs").history) == 1


def test_a_version_that_is_not_worse_is_promoted(bench: Bench) -> None:
    first = bench.train()
    second = bench.train(OTHER)
    assert second["promoted"] is True
    assert bench.live == second["version"] != first["version"]
    assert second["comparison"]["verdict"] == "not-worse"


def test_a_worse_version_is_kept_and_not_promoted(bench: Bench) -> None:
    first = bench.train()
    bench.kind.right = 5
    second = bench.train(OTHER)
    assert second["promoted"] is False
    assert bench.live == first["version"]
    assert bench.versions == {first["version"], second["version"]}
    assert "it is worse" in second["comparison"]["sentence"]


def test_a_worse_version_is_promoted_by_force(bench: Bench) -> None:
    bench.train()
    bench.kind.right = 5
    second = bench.train(OTHER, force=True)
    assert (second["promoted"], bench.live) == (True, second["version"])
    assert Pointers(bench.store).read("shared", "dogs").history[0].how == "forced"


def test_without_promotion_a_first_version_is_live_and_a_second_is_not(bench: Bench) -> None:
    first = bench.train(promote=False)
    second = bench.train(OTHER, promote=False)
    assert (first["promoted"], second["promoted"]) == (True, False)
    assert bench.live == first["version"]


@pytest.mark.parametrize("trained", [False, True], ids=["a new model", "with a live version"])
@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "side by side"])
def test_of_two_trainings_asked_for_at_once_one_wins_and_the_other_says_so(
    bench: Bench, trained: bool, together: bool
) -> None:
    # Given
    if trained:
        bench.train("pictures-20261128-084400-000000")
    for training in (ONE, OTHER):
        bench.request(training)
    # When
    runs = [(step, training) for training in (ONE, OTHER) for step in STEPS]
    for step, training in sorted(runs, key=lambda run: STEPS.index(run[0])) if together else runs:
        bench.run(step, training)
    # Then
    winner, loser = bench.status(ONE), bench.status(OTHER)
    assert (winner["promoted"], loser["promoted"]) == (True, False)
    live = bench.live
    assert live is not None
    assert live == winner["version"]
    assert {winner["version"], loser["version"]} <= bench.versions
    assert loser["comparison"]["sentence"].startswith(f"Another training made version {live[:12]} live since")


def test_of_two_trainings_that_publish_at_the_same_moment_one_wins(bench: Bench) -> None:
    # Given two trainings of a new model, and a store that lets the other publish before the first one's pointer
    for training in (ONE, OTHER):
        bench.train(training, STEPS[:-1])
    overtaken: list[str] = []

    def before(operation: str, key: str) -> None:
        if operation == "put" and key == pointer_key("shared", "dogs") and not overtaken:
            overtaken.append(key)
            bench.run("publish", OTHER)

    bench.store.before = before
    # When
    bench.run("publish", ONE)
    # Then
    assert (bench.status(ONE)["promoted"], bench.status(OTHER)["promoted"]) == (False, True)
    assert bench.live == bench.status(OTHER)["version"]


def test_a_force_that_was_overtaken_is_promoted_nevertheless(bench: Bench) -> None:
    bench.train(ONE, STEPS[:-1])
    bench.train(OTHER, STEPS[:-1], force=True)
    bench.run("publish", ONE)
    bench.run("publish", OTHER)
    assert bench.live == bench.status(OTHER)["version"]


def test_a_rolled_back_model_counts_as_it_is_when_a_training_is_asked_for(bench: Bench) -> None:
    first = bench.train()
    bench.train(OTHER)
    Promotions(bench.store).roll_back("shared", "dogs")
    third = bench.train("pictures-20261128-084502-000000")
    assert third["comparison"]["live"]["version"] == first["version"]
    assert third["promoted"] is True


def test_a_key_of_no_training_is_an_error(bench: Bench) -> None:
    with pytest.raises(MalformedInputError):
        Steps(bench.store, [bench.kind]).run({"key": "trainings/x", "step": "read"})


def test_refused_files_are_counted_and_the_first_named(bench: Bench) -> None:
    bench.request()
    keys = TrainingKeys("shared", ONE)
    job = Job(bench.store, keys, Training.read(bench.store.get(keys.request).body), StatusFile(bench.store, keys))
    job.refused(Phase.READING, 150, [Refused(str(number), "is no picture") for number in range(150)])
    job.progress(Phase.READING, 3, 10, "files")
    status = bench.status()
    assert (status["refused"]["count"], len(status["refused"]["files"])) == (150, 100)
    assert status["progress"] == {"done": 3, "total": 10, "unit": "files"}


def test_progress_that_cannot_be_written_fails_no_step(bench: Bench) -> None:
    # Given a status that others change all the time
    bench.request()
    keys = TrainingKeys("shared", ONE)
    job = Job(bench.store, keys, Training.read(bench.store.get(keys.request).body), StatusFile(bench.store, keys))

    def conflict(operation: str, key: str) -> None:
        if operation == "put":
            raise ConflictError(key)

    bench.store.before = conflict
    # When / Then
    job.progress(Phase.FEATURES, 1, 2, "pictures")
    with pytest.raises(InfrastructureError):
        job.status.advance(Phase.FITTING)


def test_the_first_to_write_a_document_wins(bench: Bench) -> None:
    bench.request()
    keys = TrainingKeys("shared", ONE)
    job = Job(bench.store, keys, Training.read(bench.store.get(keys.request).body), StatusFile(bench.store, keys))
    assert job.write("a.bin", b"first") == b"first"
    assert job.write("a.bin", b"second") == b"first"
    assert job.write_json("a.json", {"n": 1}) == {"n": 1}
    assert job.write_json("a.json", {"n": 2}) == job.read_json("a.json") == {"n": 1}


def test_a_function_says_that_it_is_ready_without_a_training() -> None:
    store = MemoryModelStore()
    assert Steps(store, [FakeKind()]).run({"step": "ready"}) == {"ready": True}
    assert store.objects == {}
