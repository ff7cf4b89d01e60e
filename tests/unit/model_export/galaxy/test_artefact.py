"""The committed artefact, its card, the results and the README tell one story."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from model_export.common.files import artefact
from model_export.galaxy import cli, export, readme, split
from model_export.galaxy.data import spec
from model_export.galaxy.labels import NAMES
from model_export.galaxy.workspace import EVALUATION
from skysort.errors import ArtefactError
from skysort.model_card import load_card, read_artefact
from skysort.pictures.geometry import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable

ARTEFACT = artefact("galaxy")


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    return dict(load_card(ARTEFACT).document)


@pytest.fixture
def evaluation() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((readme.PAGE.results / EVALUATION).read_text())
    return document


def test_the_file_is_the_one_on_the_card(card: dict[str, Any]) -> None:
    content = read_artefact(ARTEFACT / card["file"], card["sha256"])
    assert len(content) == card["bytes"]


def test_the_card_is_made_from_the_committed_evaluation(card: dict[str, Any], evaluation: dict[str, Any]) -> None:
    assert card["sha256"] == evaluation["sha256"]
    assert card["metrics"] == evaluation["metrics"]


def test_the_card_names_the_committed_lists(card: dict[str, Any]) -> None:
    parts = split.load()
    for part in split.PARTS:
        content = (split.FOLDER / f"{part}.txt").read_bytes()
        assert card["training_data"]["splits"][part]["sha256"] == hashlib.sha256(content).hexdigest()
        assert card["training_data"]["splits"][part]["rows"] == len(parts.part(part))


def test_the_card_says_what_the_graph_is_shown(card: dict[str, Any]) -> None:
    assert InputSpec.from_card(card["input"]) == spec(card["input"]["height"])


def test_labels_thresholds_and_scores_are_of_the_same_classes(card: dict[str, Any]) -> None:
    assert tuple(card["labels"]) == NAMES
    assert tuple(card["conformal"]["thresholds"]) == NAMES
    assert tuple(card["metrics"]["per_class"]) == NAMES


def test_the_confusion_matrix_adds_up(card: dict[str, Any]) -> None:
    scores = card["metrics"]
    table = scores["confusion_matrix"]
    assert sum(map(sum, table)) == scores["rows"]
    right = sum(table[place][place] for place in range(len(NAMES)))
    assert right / scores["rows"] == pytest.approx(scores["accuracy"]["value"], abs=1e-6)


def test_the_command_of_the_file_in_place_is_as_it_was(card: dict[str, Any], evaluation: dict[str, Any]) -> None:
    assert " && ".join(export.commands(evaluation)) == card["command"]


def test_a_taught_network_names_its_teachers_and_further_data(evaluation: dict[str, Any]) -> None:
    # Given a network taught by two, one of them from EfficientNet-Lite0, with Galaxy Zoo 1
    run = {**evaluation["run"], "coarse": True, "without": "efigi"}
    other = {**run, "candidate": "efficientnet_lite0", "seed": 3}
    student = {**run, "teachers": ["one", "other"], "start": "one", "seed": 7}
    taught = {**evaluation, "run": student, "teachers": {"one": run, "other": other}}
    # When its card is made
    made = export.card(taught, "2.0.0")
    # Then the data, the teachers and the commands are told
    assert "Lintott et al. 2011" in made["attribution"]
    assert "Taught by 2 network(s)" in made["training_data"]["origin_of_weights"]
    assert "EfficientNet-Lite0" in made["training_data"]["origin_of_weights"]
    assert list(made["teachers"]) == ["one", "other"]
    steps = [command.removeprefix("python -m model_export galaxy ") for command in made["command"].split(" && ")]
    assert [step.split()[0] for step in steps] == [
        "data", "coarse", "train", "train", "teach", "train", "evaluate", "export",
    ]  # fmt: skip
    # And the last training is one that the command line understands
    options = steps[5].split()
    assert options[options.index("--teachers") + 1 :][:2] == ["one", "other"]
    assert {"--coarse", "--start", "--name"} <= set(options)


def test_the_defaults_that_commands_leave_out_are_those_of_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["train", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert cli.CANDIDATE == export.CANDIDATE
    assert all(f"(default {value})" in told for value in export.DEFAULTS.values())


def test_the_readme_shows_the_committed_figures() -> None:
    text = readme.PAGE.path.read_text()
    assert readme.PAGE.render(text, readme.PAGE.results) == text


def test_an_equal_file_may_replace_the_one_in_place(card: dict[str, Any], evaluation: dict[str, Any]) -> None:
    assert export.unfit(evaluation) is None
    assert export.worse(evaluation, card) is None


def lower_accuracy(evaluation: dict[str, Any]) -> None:
    evaluation["metrics"]["accuracy"]["value"] -= 0.01


def lower_f1(evaluation: dict[str, Any]) -> None:
    evaluation["metrics"]["macro_f1"]["value"] -= 0.01


def other_test_part(evaluation: dict[str, Any]) -> None:
    evaluation["data"]["splits"]["test"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lower_accuracy, "accuracy on the test split is"),
        (lower_f1, "macro f1 on the test split is"),
        (other_test_part, "another test part"),
    ],
)
def test_a_worse_file_is_refused_with_the_reason(
    card: dict[str, Any], evaluation: dict[str, Any], change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    candidate = deepcopy(evaluation)
    change(candidate)
    assert reason in (export.worse(candidate, card) or "")


def test_a_file_that_differs_from_pytorch_is_refused(evaluation: dict[str, Any]) -> None:
    evaluation["parity"]["max_abs_difference"]["probabilities"] = 0.01
    assert "differ by" in (export.unfit(evaluation) or "")


def test_a_damaged_card_is_named(evaluation: dict[str, Any]) -> None:
    with pytest.raises(ArtefactError, match="the card in place lacks"):
        export.worse(evaluation, {"version": "1.0.0"})
