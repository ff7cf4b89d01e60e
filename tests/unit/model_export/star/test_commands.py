"""The command line from end to end on a small survey, and what it says to mistakes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from model_export.__main__ import main
from skysort.star.columns import LABELS
from skysort.star.model import StarModel
from tests.unit.model_export.star.conftest import Run, prepare
from tests.unit.model_export.star.factories import survey, table, write

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("explore", "tune", "attempts", "train", "evaluate", "export")


def publish(evaluated: Run, folder: Path) -> Run:
    """A copy of the evaluated run with its boosters published."""
    shutil.copytree(evaluated.folder, folder, dirs_exist_ok=True)
    run = Run(folder)
    assert run.star("export", "--into", str(run.artefact)) == 0
    return run


def card_of(run: Run) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((run.artefact / "card.json").read_text(encoding="utf-8"))
    return card


def test_training_twice_gives_the_same_files(evaluated: Run, tmp_path: Path) -> None:
    # Given
    again = prepare(tmp_path)

    # When
    again.star("train")

    # Then
    for name in ("with_redshift.ubj", "photometry_only.ubj", "training.json"):
        assert (again.folder / "build" / name).read_bytes() == (evaluated.folder / "build" / name).read_bytes()


def test_the_evaluation_counts_every_object_of_the_test_split(evaluated: Run) -> None:
    evaluation = json.loads((evaluated.folder / "results" / "evaluation.json").read_text(encoding="utf-8"))
    for variant in evaluation["variants"].values():
        scores = variant["metrics"]
        table = np.array(scores["confusion_matrix"])
        assert table.sum() == scores["rows"] == evaluation["test_split"]["rows"]
        assert scores["accuracy"]["low"] <= scores["accuracy"]["value"] <= scores["accuracy"]["high"]
        assert variant["parity"]["max_abs_margin_difference"] < 1e-5
        assert [point["rows"] for point in variant["references"]["learning_curve"]] == [48, 120, 240, 480]


def test_the_plots_are_small(evaluated: Run) -> None:
    plots = list((evaluated.folder / "results").glob("*.png"))
    assert {plot.name for plot in plots} == {"reliability.png", "confusion.png"}
    assert all(plot.stat().st_size < 100_000 for plot in plots)


def test_what_is_published_is_what_serving_loads(evaluated: Run, tmp_path: Path) -> None:
    # Given
    run = publish(evaluated, tmp_path)
    objects = survey(300, seed=5)

    # When
    answer = StarModel.load(run.artefact).classify(objects.photometry)

    # Then
    assert card_of(run)["version"] == "1.0.0"
    assert tuple(card_of(run)["labels"]) == LABELS
    assert (answer.probabilities.argmax(axis=1) == objects.labels).mean() > 0.8
    assert answer.typicality is not None
    assert (answer.typicality > 0.005).mean() > 0.9


def test_better_boosters_take_the_typicality_of_the_artefact_in_place(evaluated: Run, tmp_path: Path) -> None:
    # Given a build folder with new boosters only
    run = publish(evaluated, tmp_path)
    for file in (run.folder / "build").glob("*.npz"):
        file.unlink()
    # When they are published
    assert run.star("export", "--into", str(run.artefact)) == 0
    # Then
    assert card_of(run)["version"] == "1.1.0"
    assert StarModel.load(run.artefact).measures_typicality


def test_typicality_of_other_files_or_other_training_data_is_not_published(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a file that is not the one that was measured
    shutil.copytree(evaluated.folder, tmp_path, dirs_exist_ok=True)
    run = Run(tmp_path)
    (run.folder / "build" / "tables.npz").write_bytes(b"another")
    # When / Then
    assert run.star("export", "--into", str(run.artefact)) == 2
    assert "tables.npz is not the one that typicality.json describes" in capsys.readouterr().err

    # Given figures of other objects
    measured = json.loads((run.folder / "results" / "typicality.json").read_text(encoding="utf-8"))
    (run.folder / "results" / "typicality.json").write_text(json.dumps({**measured, "fitted_on": "0" * 64}))
    # When / Then
    assert run.star("export", "--into", str(run.artefact)) == 2
    assert "typicality.json is of other training data" in capsys.readouterr().err


def test_an_equal_artefact_is_published_under_the_next_version(evaluated: Run, tmp_path: Path) -> None:
    run = publish(evaluated, tmp_path)
    assert run.star("export", "--into", str(run.artefact), "--bump", "patch") == 0
    assert card_of(run)["version"] == "1.0.1"


@pytest.mark.parametrize("score", ["accuracy", "macro_f1"])
def test_a_worse_artefact_is_not_published(
    evaluated: Run, tmp_path: Path, score: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given: a card in place that is better than any model
    run = publish(evaluated, tmp_path)
    card = card_of(run)
    card["variants"]["photometry_only"]["metrics"][score]["value"] = 1.0
    (run.artefact / "card.json").write_text(json.dumps(card), encoding="utf-8")
    before = (run.artefact / "card.json").read_bytes()

    # When
    code = run.star("export", "--into", str(run.artefact))

    # Then
    assert code == 1
    assert f"not published: photometry_only: {score.replace('_', ' ')}" in capsys.readouterr().err
    assert (run.artefact / "card.json").read_bytes() == before


def test_another_test_split_cannot_be_compared(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given: a model of other objects in place
    run = publish(evaluated, tmp_path)
    card = card_of(run)
    card["training_data"]["splits"]["test"]["sha256"] = "0" * 64
    (run.artefact / "card.json").write_text(json.dumps(card), encoding="utf-8")

    # When / Then
    assert run.star("export", "--into", str(run.artefact)) == 1
    assert "measured on another test split" in capsys.readouterr().err


def test_boosters_in_place_that_were_measured_anew_on_this_split_can_be_compared(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a model in place whose card knows another test split
    run = publish(evaluated, tmp_path)
    card = card_of(run)
    card["training_data"]["splits"]["test"]["sha256"] = "0" * 64
    (run.artefact / "card.json").write_text(json.dumps(card), encoding="utf-8")

    # When it is evaluated against, the candidate is as good and is published
    assert run.star("evaluate", "--against", str(run.artefact)) == 0
    measured = json.loads((run.folder / "results" / "evaluation.json").read_text(encoding="utf-8"))["in_place"]
    assert measured["variants"] == measured["candidate"]
    assert run.star("export", "--into", str(run.artefact)) == 0
    assert card_of(run)["version"] == "1.1.0"

    # And other boosters in its place are not those that were measured
    (run.artefact / "card.json").write_text(json.dumps(card), encoding="utf-8")
    measured["variants"]["with_redshift"]["sha256"] = "0" * 64
    evaluation = json.loads((run.folder / "results" / "evaluation.json").read_text(encoding="utf-8"))
    (run.folder / "results" / "evaluation.json").write_text(json.dumps({**evaluation, "in_place": measured}))
    assert run.star("export", "--into", str(run.artefact)) == 1
    assert "measured on another test split" in capsys.readouterr().err


def test_objects_without_a_redshift_are_counted_beside_the_scores(evaluated: Run, tmp_path: Path) -> None:
    # Given a survey with fits that failed, and a model in place
    run = publish(evaluated, tmp_path)
    rows = table(survey(600))
    rows.loc[::20, "redshift"] = 0.0
    write(rows, tmp_path / "sdss17.csv")
    # When
    assert run.star("train") == 0
    assert run.star("evaluate", "--against", str(run.artefact)) == 0
    # Then
    found = json.loads((run.folder / "results" / "evaluation.json").read_text(encoding="utf-8"))["in_place"]
    assert 0 < found["unmeasured"]["rows"] < 30
    for called in (*found["unmeasured"]["called"].values(), found["unmeasured"]["called_by_candidate"]):
        assert sum(called.values()) == found["unmeasured"]["rows"]


def test_a_card_in_place_that_lacks_its_scores_is_named(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(evaluated, tmp_path)
    (run.artefact / "card.json").write_text('{"version": "1.0.0"}', encoding="utf-8")
    assert run.star("export", "--into", str(run.artefact)) == 2
    assert "error: the card in place lacks 'training_data'" in capsys.readouterr().err


def test_boosters_that_were_changed_after_the_evaluation_are_not_published(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    shutil.copytree(evaluated.folder, tmp_path, dirs_exist_ok=True)
    run = Run(tmp_path)
    (run.folder / "build" / "with_redshift.ubj").write_bytes(b"another")

    # When / Then
    assert run.star("export", "--into", str(run.artefact)) == 2
    assert "is not the booster described by training.json" in capsys.readouterr().err
    assert not run.artefact.exists()


def test_the_evaluation_of_other_rows_is_refused(
    evaluated: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    shutil.copytree(evaluated.folder, tmp_path, dirs_exist_ok=True)
    run = prepare(tmp_path, seed=9)

    # When / Then
    assert run.star("evaluate") == 2
    assert "were not trained on the rows of sdss17.csv; run `train` again" in capsys.readouterr().err


def test_the_search_resumes_and_keeps_its_best(tmp_path: Path) -> None:
    # Given: two trials, then a search for three
    run = prepare(tmp_path, rows=150)
    assert run.star("tune", "--variant", "photometry_only", "--trials", "2") == 0

    # When
    assert run.star("tune", "--variant", "photometry_only", "--trials", "3") == 0

    # Then
    summary = json.loads((run.folder / "results" / "tuning.json").read_text(encoding="utf-8"))["photometry_only"]
    assert summary["trials"] == {"complete": 3, "pruned": 0}
    assert summary["best"]["log_loss"] <= summary["untuned"]["log_loss"]
    chosen = json.loads((run.folder / "hyperparameters.json").read_text(encoding="utf-8"))["photometry_only"]
    assert chosen["rounds"] * 3 * chosen["parameters"]["max_depth"] <= summary["nodes_per_row"]


def test_the_report_holds_its_plots_and_needs_nothing_else(tmp_path: Path) -> None:
    # Given
    run = prepare(tmp_path, rows=300)

    # When
    assert run.star("explore") == 0

    # Then
    page = (run.folder / "build" / "report.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 6
    assert "http" not in page
    compared = json.loads((run.folder / "results" / "comparison.json").read_text(encoding="utf-8"))
    assert {len(families) for families in compared["variants"].values()} == {4}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["star", "--help"], *(["star", name, "--help"] for name in COMMANDS)]
)
def test_every_command_has_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as finished:  # argparse ends the process after its help
        code = finished.code
    assert code == 0
    assert "usage: python -m model_export" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "usage: python -m model_export MODEL COMMAND"),
        (["comet"], "error: unknown model 'comet'; choose from"),
        (["star", "train", "--data", "nowhere.csv"], "error: nowhere.csv is not a file"),
    ],
)
def test_a_mistake_gets_a_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if arguments[1:]:
        arguments = [*arguments, "--build", str(tmp_path), "--results", str(tmp_path)]
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["star"], ["star", "fly"], ["star", "train", "--threads", "0"]])
def test_wrong_options_exit_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as finished:
        main(arguments)
    assert finished.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "before"), [("evaluate", "train"), ("export", "train")])
def test_a_command_out_of_order_names_the_one_before(
    command: str, before: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert prepare(tmp_path).star(command) == 2
    assert f"run `python -m model_export star {before}` first" in capsys.readouterr().err


def test_a_data_folder_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SKYSORT_DATA", str(tmp_path / "absent"))
    assert main(["star", "train"]) == 2
    assert "SKYSORT_DATA must name a folder" in capsys.readouterr().err
