"""Trainings on tables: from a dropped table to a model that answers, without AWS."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort.cache import AnswerCache
from skysort.registry.keys import HELD_OUT, TrainingKeys
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointers
from skysort.registry.versions import VersionFiles
from skysort.star.body import JSON, read_body
from skysort.star.spellings import BANDS
from skysort.star.trained import TrainedStars
from skysort.trainings.request import Training
from skysort.trainings.star import StarSteps
from skysort.trainings.star_evaluation import forecast as forecast_of
from skysort.trainings.star_fit import HYPERPARAMETERS
from skysort.trainings.status import StatusFile
from skysort.trainings.steps import Steps, TrainingRefused
from tests.fakes.model_store import MemoryModelStore, live_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.answers import StarAnswer

ROOT = Path(__file__).resolve().parents[4]
STEPS = ("read", "fit", "evaluate", "publish")
FIRST, SECOND = "star-20261128-084500-1a2b3c", "star-20261128-084600-4d5e6f"
KEY = "incoming/training/t/table.csv"


def rows(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Made-up blue and red objects, with redshifts, an infrared colour and a class."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        blue = number % 2 == 0
        slope = -0.1 if blue else -0.7
        base = random.normal(20.0, 1.0)
        magnitudes = {
            band: round(float(base + slope * place + random.normal(0, 0.15)), 5) for place, band in enumerate(BANDS)
        }
        redshift = round(float(random.uniform(1.0, 2.0) if blue else random.uniform(0.1, 0.6)), 5)
        infrared = round(float(random.normal(1.0 if blue else 0.2, 0.1)), 4)
        made.append({**magnitudes, "redshift": redshift, "w1_w2": infrared, "kind": "QSO" if blue else "galaxy"})
    return made


def table(made: Sequence[Mapping[str, Any]]) -> bytes:
    """A CSV."""
    lines = [",".join(made[0]), *(",".join(str(value) for value in row.values()) for row in made)]
    return ("\n".join(lines) + "\n").encode()


class Bench:
    """The drop bucket and the models bucket."""

    def __init__(self) -> None:
        self.uploads, self.models = MemoryModelStore(), MemoryModelStore()
        self.clock: Callable[[], float] = lambda: 0.0

    def train(self, body: bytes, training: str = FIRST, name: str = "mine", **options: Any) -> dict[str, Any]:
        """Run every step of a training; returns its status."""
        self.uploads.objects[KEY] = body
        keys = TrainingKeys("shared", training)
        created, live = "2026-11-28T08:45:00Z", live_version(self.models, name)
        request = Training(training, "shared", Kind.STAR, name, created, {"s3_key": KEY}, options, live)
        self.models.put(keys.request, request.to_json())
        steps = Steps(self.models, [StarSteps(self.uploads, clock=self.clock)])
        for step in STEPS:
            steps.run({"key": keys.request, "step": step})
        return StatusFile(self.models, keys).read()

    def refusal(self, body: bytes, **options: Any) -> str:
        """The sentence with which a training is refused."""
        with pytest.raises(TrainingRefused):
            self.train(body, **options)
        problem = StatusFile(self.models, TrainingKeys("shared", FIRST)).read()["problem"]
        return str(problem["detail"])

    def card(self, name: str = "mine") -> dict[str, Any]:
        live = Pointers(self.models).read("shared", name).live
        assert live is not None
        return VersionFiles(self.models).card("shared", name, live)

    def ask(self, row: Mapping[str, Any], name: str = "mine") -> StarAnswer:
        model = TrainedStars(None, AnswerCache(0), store=self.models).get("shared", name)
        return model.answer(read_body(json.dumps(row).encode(), JSON, model.schema), {"explain": "true"})


@pytest.fixture(scope="module")
def trained() -> Bench:
    """A training with two boosters and an extra column, done."""
    bench = Bench()
    bench.train(table(rows(400)), class_column="Kind", columns={"colour_w": "w1_w2"})
    return bench


def test_a_table_becomes_a_model_that_answers(trained: Bench) -> None:
    row = rows(1, seed=9)[0]
    row["colour_w"] = row.pop("w1_w2")
    answer = trained.ask({name: value for name, value in row.items() if name != "kind"})
    (result,) = answer["results"]
    assert "error" not in result
    assert result["predictions"][0]["label"] == "QSO"
    assert result["variant"] == "with_redshift"
    assert result["in_domain"] is True
    assert "colour_w" in result["explanation"]["features"]


def test_a_row_without_a_redshift_is_answered_by_the_other_booster(trained: Bench) -> None:
    row = {name: value for name, value in rows(2, seed=9)[1].items() if name not in {"kind", "redshift"}}
    (result,) = trained.ask({**row, "w1_w2": row["w1_w2"]})["results"]
    assert "error" not in result
    assert (result["predictions"][0]["label"], result["variant"]) == ("galaxy", "photometry_only")


def test_the_card_says_what_was_learnt_from_what(trained: Bench) -> None:
    card = trained.card()
    assert (card["name"], card["kind"], card["training"], card["labels"]) == ("mine", "star", FIRST, ["QSO", "galaxy"])
    assert card["input"]["columns"]["colour_w"] == {
        "unit": "",
        "range": [-1e30, 1e30],
        "required": True,
        "used": True,
        "aliases": [],
        "column": "w1_w2",
    }
    assert card["training_data"]["classes"] == {"QSO": 200, "galaxy": 200}
    assert card["training_data"]["class_column"] == "kind"
    assert card["metrics"]["accuracy"]["value"] > 0.9
    assert card["metrics"]["accuracy"].keys() == {"value", "low", "high"}
    assert set(card["variants"]) == {"with_redshift", "photometry_only"}
    # The class shares that a prior replaces.
    for variant in card["variants"].values():
        assert variant["classes"].keys() == {"QSO", "galaxy"}
        assert sum(variant["classes"].values()) == variant["rows"]
    assert set(card["files"]) == {"with_redshift.ubj", "photometry_only.ubj", "typicality.npz", HELD_OUT}
    assert [point["examples"] for point in card["learning_curve"]] == sorted(
        {point["examples"] for point in card["learning_curve"]}
    )


def test_twice_the_rows_at_best_leave_the_error_that_falls_with_their_root() -> None:
    # Given an error that fell faster than 1 / sqrt(rows)
    def point(rows: int, accuracy: float) -> dict[str, Any]:
        return {"examples": rows, "accuracy": {"value": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.05}}

    # When
    forecast = forecast_of([point(100, 0.1), point(200, 0.6), point(400, 0.9)])
    # Then it is not said to vanish
    assert forecast is not None
    assert forecast["examples"] == 800
    assert forecast["accuracy"]["value"] == pytest.approx(1 - 0.1 / np.sqrt(2), abs=1e-6)


def test_a_repeated_step_changes_nothing(trained: Bench) -> None:
    # Given a training that is done
    before = dict(trained.models.objects)
    # When every step is delivered once more
    for step in STEPS:
        key = TrainingKeys("shared", FIRST).request
        Steps(trained.models, [StarSteps(trained.uploads)]).run({"key": key, "step": step})
    # Then
    assert trained.models.objects == before


def test_objects_that_are_listed_often_are_not_recognised_by_their_copies() -> None:
    # Given classes that have nothing to do with the magnitudes, and every row six times
    made = [{name: value for name, value in row.items() if name not in {"redshift", "w1_w2"}} for row in rows(80)]
    kinds = np.random.default_rng(3).permutation(["QSO", "galaxy"] * 40).tolist()
    bench = Bench()
    # When
    bench.train(table([{**row, "kind": kind} for row, kind in zip(made, kinds, strict=True)] * 6), class_column="kind")
    # Then the out-of-fold scores that calibrate it are those of guesses
    assert bench.card()["variants"]["photometry_only"]["out_of_fold_log_loss"] == pytest.approx(np.log(2), abs=0.05)


def test_classes_of_a_single_object_each_are_learnt() -> None:
    bench = Bench()
    bench.train(table(rows(2) * 40), class_column="kind")
    assert bench.card()["metrics"]["accuracy"]["value"] == 1.0


def test_a_later_version_is_compared_on_rows_that_both_held_out() -> None:
    # Given a model, and its table with more rows in another order and another seed
    bench, made = Bench(), rows(300)
    bench.train(table(made), class_column="kind")
    # When it is trained again
    status = bench.train(table([*rows(200, seed=5), *reversed(made)]), SECOND, class_column="kind", seed=4)
    # Then most of the first version's held-out rows are compared
    assert status["comparison"]["examples"] >= 50
    assert status["comparison"]["relabelled"] == 0
    assert len(Pointers(bench.models).read("shared", "mine").history) == 2


def test_bad_rows_are_named_and_not_fatal() -> None:
    # Given rows without a class, without a magnitude, with text, and a class of few rows
    made = rows(120)
    made[3]["kind"] = ""
    made[5]["u"] = -9999.0
    made[7]["g"] = "bright"
    made += [{**row, "kind": "rare"} for row in rows(6, seed=3)]
    bench = Bench()
    # When
    status = bench.train(table(made), class_column="kind")
    # Then each is listed, and the rest is a model
    listed = {each["file"]: each["reason"] for each in status["refused"]["files"]}
    assert listed["class rare"] == "has 6 rows; a class needs at least 20"
    assert listed["row 4"] == "has no class"
    assert "-9999" in listed["row 6"]
    assert "must be a finite number" in listed["row 8"]
    assert status["refused"]["count"] == 9
    assert bench.card()["labels"] == ["QSO", "galaxy"]


def test_other_bands_without_a_redshift_are_a_model_of_one_booster() -> None:
    # Given a table of four bands and no redshift
    made = [{"Gmag": row["u"], "Jmag": row["r"], "w1mpro": row["i"], "label": row["kind"][0]} for row in rows(200)]
    bench = Bench()
    # When
    bench.train(table(made), bands=["G", "J", "W1"], columns={"g": "Gmag", "W1": "w1mpro"})
    # Then
    assert list(bench.card()["variants"]) == ["photometry_only"]
    (result,) = bench.ask({"g": 20.0, "j": 19.9, "w1": 19.8})["results"]
    assert "error" not in result
    assert result["predictions"][0]["label"] == "Q"


def test_an_extra_column_that_some_rows_lack_may_be_missing_later() -> None:
    made = rows(200)
    for row in made[::7]:
        row["w1_w2"] = ""
    bench = Bench()
    bench.train(table(made), class_column="kind", columns={"w1_w2": "w1_w2"})
    assert bench.card()["input"]["columns"]["w1_w2"]["required"] is False
    row = {name: value for name, value in made[0].items() if name not in {"kind", "w1_w2"}}
    assert "error" not in bench.ask(row)["results"][0]


def test_a_search_records_what_it_tried() -> None:
    bench = Bench()
    bench.train(table(rows(120)), class_column="kind", search=True)
    hyperparameters = bench.card()["hyperparameters"]["with_redshift"]
    losses = [tried["log_loss"] for tried in hyperparameters["tried"]]
    assert len(losses) > 1
    best = hyperparameters["tried"][int(np.argmin(losses))]
    assert hyperparameters["parameters"]["max_depth"] == best["max_depth"]


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (lambda row: {**row, "kind": "one"}, {"class_column": "kind"}, "needs 2 classes of at least 20 rows"),
        (lambda row: row, {}, "no column of classes"),
        (lambda row: row, {"class_column": "nope"}, r"no column of classes \(nope\)"),
        (lambda row: row, {"class_column": "kind", "columns": {"w1": "w1mpro"}}, "no column w1mpro"),
        (lambda row: row, {"class_column": "kind", "bands": ["r", "R"]}, "given twice"),
        (lambda row: row, {"class_column": "kind", "bands": ["a b"]}, "lower-case letters"),
        (lambda row: row, {"class_column": "kind", "columns": {"class": "w1_w2"}}, "not a measured quantity"),
        (lambda row: {**row, "u": "x"}, {"class_column": "kind"}, "no row to train on, of 60; row 1: u must be"),
    ],
    ids=["one class", "no class", "wrong class", "no column", "band twice", "bad band", "reserved", "no rows"],
)
def test_a_table_that_cannot_be_learnt_from_is_refused_with_a_sentence(change: Any, options: Any, says: str) -> None:
    import re  # noqa: PLC0415

    assert re.search(says, Bench().refusal(table([change(row) for row in rows(60)]), **options))


def test_a_table_that_takes_too_long_to_read_is_refused_before_the_function_ends() -> None:
    # Given a clock by which every look takes a quarter of an hour
    bench, times = Bench(), count(step=900)
    bench.clock = lambda: float(next(times))
    # When, then
    assert bench.refusal(table(rows(400)), class_column="kind") == (
        "the table was not read after 780 s; train on fewer rows"
    )


def test_the_hyperparameters_are_those_that_model_export_found() -> None:
    found = json.loads((ROOT / "model_export" / "star" / "hyperparameters.json").read_bytes())
    assert {
        variant: {"rounds": rounds, "parameters": dict(parameters)}
        for variant, (rounds, parameters) in HYPERPARAMETERS.items()
    } == found
