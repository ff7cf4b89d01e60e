"""Training and the registry in this process, with steps that do no real work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.errors import InputError
from skysort.registry.folder_store import FolderStore
from skysort.registry.keys import HELD_OUT, INTERMEDIATES
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut
from skysort.trainings.status import Phase
from skysort.trainings.steps import Artefact
from skysort_cli import following, local_training
from skysort_cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysort.trainings.steps import Job
    from tests.unit.skysort_cli.conftest import Cli

EXAMPLES = 40


class FakeSteps:
    """Steps that read the source and learn nothing. right: the share of held-out examples that the model gets right."""

    kind = Kind.PICTURES

    def __init__(self, uploads: local_training.LocalUploads) -> None:
        self.uploads = uploads
        self.right = 1.0
        self.failure: Exception | None = None
        self.read: dict[str, bytes] = {}

    def run(self, step: str, job: Job, event: Mapping[str, Any]) -> dict[str, Any]:
        if step == "read":
            found = self.uploads.list(job.request.source["prefix"])
            self.read = {item.key: self.uploads.get_range(item.key, 0, item.size) for item in found}
            return {"shards": [0, 1]}
        if step == "features":
            job.write(f"features-{event['shard']}", b"some")
            job.progress(Phase.FEATURES, event["shard"] + 1, 2, "pictures")
        if step == "fit" and self.failure is not None:
            raise self.failure
        return {}

    def artefact(self, job: Job) -> Artefact:
        score = {"value": self.right, "low": self.right, "high": self.right}
        card = {"name": job.request.name, "kind": "pictures", "created": job.request.created, "labels": ["a", "b"],
                "metrics": {"accuracy": score}, "training": job.keys.id}  # fmt: skip
        ids = [f"{number:016x}" for number in range(EXAMPLES)]
        predicted = [int(number >= self.right * EXAMPLES) for number in range(EXAMPLES)]
        held_out = HeldOut(["a", "b"], ids, [0] * EXAMPLES, predicted, [0.5] * EXAMPLES)
        return Artefact(card, {HELD_OUT: held_out.body()})

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"metrics": card["metrics"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine keeps its models."""
    monkeypatch.setenv("SKYSORT_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setattr(local_training, "_PAUSE_S", 0.001)
    return tmp_path / "models"


@pytest.fixture
def steps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSteps:  # noqa: ARG001 - the models' folder
    fake = FakeSteps(local_training.LocalUploads({}))

    def given(_kind: Kind, uploads: local_training.LocalUploads) -> FakeSteps:
        fake.uploads = uploads
        return fake

    monkeypatch.setattr(local_training, "_kind_steps", given)
    return fake


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Two classes of five pictures."""
    for label in ("a", "b"):
        (tmp_path / "letters" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "letters" / label / f"{number}.jpg").write_bytes(f"{label}{number}".encode())
    return tmp_path / "letters"


def train(cli: Cli, letters: Path, *more: str) -> dict[str, Any]:
    ran = cli("train", "pictures", "letters", letters, *more)
    assert ran.code == Exit.OK, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


def test_a_folder_is_trained_on_where_it_lies(cli: Cli, letters: Path, steps: FakeSteps, folder: Path) -> None:
    training = train(cli, letters)
    assert (training["phase"], training["promoted"]) == ("done", True)
    # Every step has had every picture under its class, and its own documents are gone
    assert steps.read == {
        f"incoming/training/letters/{label}/{number}.jpg": f"{label}{number}".encode()
        for label in ("a", "b")
        for number in range(5)
    }
    assert not list(FolderStore(folder).list(INTERMEDIATES))
    assert [listed["id"] for listed in json.loads(cli("trainings").out)] == [training["id"]]
    assert json.loads(cli("trainings", training["id"]).out) == training


def test_versions_go_live_are_chosen_and_deleted(cli: Cli, letters: Path, steps: FakeSteps) -> None:
    # Given a good version, and a worse one of the same name
    first = train(cli, letters)["version"]
    steps.right = 0.5
    worse = train(cli, letters)
    assert worse["promoted"] is False
    assert "it is worse" in worse["comparison"]["sentence"]
    # When it is promoted, by force at last, and rolled back
    refused = cli("models", "promote", "letters", worse["version"][:10])
    assert refused.code == Exit.USAGE
    assert "Set force" in refused.err
    forced = json.loads(cli("models", "promote", "letters", worse["version"][:10], "--force").out)
    assert (forced["live"], forced["history"][0]["how"]) == (worse["version"], "forced")
    assert json.loads(cli("models", "rollback", "letters").out)["live"] == first
    # Then both are listed, and only the live one stays
    model = json.loads(cli("models", "letters").out)
    assert {version["version"]: version["live"] for version in model["versions"]} == {
        first: True,
        worse["version"]: False,
    }
    assert "letters" in [entry["name"] for entry in json.loads(cli("models").out)]
    assert "live" in cli("models", "delete", "letters", first).err
    assert cli("models", "delete", "letters", worse["version"]).code == Exit.OK
    assert cli("models", "delete", "letters", "--yes").code == Exit.OK
    gone = cli("models", "letters")
    assert (gone.code, "unknown model 'letters'" in gone.err) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("failure", "code", "sentence"),
    [
        (InputError("every picture is the same"), Exit.USAGE, "the training failed: every picture is the same"),
        (RuntimeError("a bug"), Exit.SERVICE, "the training failed: The phase 'fitting' failed"),
    ],
)
def test_a_failure_is_told_and_nothing_is_published(
    failure: Exception, code: Exit, sentence: str, cli: Cli, letters: Path, steps: FakeSteps
) -> None:
    steps.failure = failure
    ran = cli("train", "pictures", "letters", letters)
    assert ran.code == code
    assert sentence in ran.err
    assert [entry["name"] for entry in json.loads(cli("models").out)] == ["galaxy", "image", "star"]


@pytest.mark.usefixtures("steps")
def test_an_interrupted_training_is_recorded_as_such(cli: Cli, letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "show_phase", interrupted)
    assert cli("train", "pictures", "letters", letters).code == Exit.INTERRUPTED
    (training,) = json.loads(cli("trainings").out)
    assert training["phase"] in {"failed", "done"}  # the steps may have been faster
    assert (training["problem"] or {"detail": "interrupted"})["detail"].count("interrupted") == 1


@pytest.mark.usefixtures("steps")
def test_a_name_of_another_kind_is_refused(cli: Cli, letters: Path, tmp_path: Path) -> None:
    train(cli, letters)
    (tmp_path / "rows.csv").write_text("u,g,class\n1,2,A\n")
    ran = cli("train", "star", "letters", tmp_path / "rows.csv")
    assert ran.code == Exit.USAGE
    assert "is a model of kind 'pictures', not 'star'" in ran.err


@pytest.mark.usefixtures("steps")
def test_a_model_that_is_not_there_is_told(cli: Cli, letters: Path) -> None:
    for model in ("custom/letters", "custom-star/letters"):
        ran = cli("classify", model, letters / "a" / "0.jpg")
        assert (ran.code, "skysort models" in ran.err or "unknown model" in ran.err) == (Exit.USAGE, True)
    assert cli("trainings", "pictures-1").code == Exit.USAGE
    train(cli, letters)
    wrong = cli("classify", "custom-star/letters", letters / "a" / "0.jpg")
    assert (wrong.code, wrong.err) == (
        Exit.USAGE,
        "skysort: 'letters' is a model of kind 'pictures'; it is spelled custom/letters\n",
    )


@pytest.mark.usefixtures("steps")
def test_a_folder_that_cannot_be_written_is_told(cli: Cli, letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSORT_MODELS_FOLDER", str(letters / "a" / "0.jpg"))
    ran = cli("train", "pictures", "letters", letters)
    assert ran.code == Exit.OUTPUT
    assert "the folder of trained models cannot be used: " in ran.err
    assert "Traceback" not in ran.err
