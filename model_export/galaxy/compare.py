"""``compare``: train every candidate with the same CPU time, and a learning curve of the winner.

With ``--alone`` a single candidate gets its own budget, to compare with the shipped one: a network trained from scratch
needs more pictures than one that starts from ImageNet weights.

``ablate``: the contribution of each kind of label, by training the winner without it. Every run has the same number of
steps and the same seed; differences are paired by picture, since the intervals of two scores say little about their
difference.

Scores are on the validation part; the test part is reserved for the shipped candidate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import onnx_file
from model_export.common.cli import OK, log
from model_export.common.files import read_json, write_json
from model_export.galaxy import networks, predict, readme, split, train
from model_export.galaxy.choice import VIEW_SETS, Choice, views
from model_export.galaxy.evaluate import milliseconds
from model_export.galaxy.graph import Served, to_onnx
from model_export.galaxy.recipe import Recipe
from model_export.galaxy.train import train_one
from model_export.galaxy.workspace import ABLATION, COMPARISON, EVALUATION, LONGER, VALIDATION, Workspace
from skysort.learning import calibration
from skysort.learning.metrics import with_interval

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray


REACHED: Final = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
SERVED_MS: Final = 5.0
# Trade-off between candidates: a millisecond costs half a percentage point.
MS_PER_POINT: Final = 2.0
WHOLE: Final = "ablation_whole"
LEAST: Final = 1e-12


def run(options: argparse.Namespace) -> int:
    """Write results/comparison.json and the tables of README.md; finished runs are not trained again."""
    workspace = Workspace.of(options)
    if options.alone:
        return alone(workspace, Recipe(options.alone, options.minutes))
    rows = {}
    for name in (candidate.name for candidate in networks.CANDIDATES.values() if candidate.compared):
        rows[name] = row(workspace, Recipe(name, options.minutes), f"compare_{name}")
        log(f"{name}: {rows[name]['accuracy']['value']:.4f} at {rows[name]['latency_ms']} ms")
    winner = best(rows)
    document: dict[str, Any] = {
        "core_minutes": options.minutes,
        "part": "validation",
        "candidates": rows,
        "winner": winner,
        "learning_curve": {"candidate": winner, "fractions": {}},
    }
    # Written before the learning curve too, to keep the table if the rest is interrupted.
    write_json(workspace.results / COMPARISON, document)
    steps = rows[winner]["steps"]
    fractions = document["learning_curve"]["fractions"]
    full = read_json(workspace.run(f"compare_{winner}") / VALIDATION, "galaxy compare")
    for fraction in options.curve:
        recipe = Recipe(winner, options.minutes, fraction, steps)
        record = finished(workspace, recipe, f"curve_{round(100 * fraction)}")
        fractions[str(fraction)] = _point(record)
    fractions["1.0"] = _point(full)
    write_json(workspace.results / COMPARISON, document)
    readme.PAGE.fill(workspace.results)
    print(f"winner: {winner}")
    return OK


def alone(workspace: Workspace, recipe: Recipe) -> int:
    """Train a single candidate with its own budget and add it to results/longer.json."""
    record = finished(workspace, recipe, f"longer_{recipe.candidate}")
    shipped = read_json(workspace.results / EVALUATION, "galaxy evaluate")
    path = workspace.results / LONGER
    document: dict[str, Any] = {"part": "validation", "candidates": {}}
    if path.exists():
        document = read_json(path, "galaxy compare")
    document["shipped"] = _longer(shipped["candidate"]["about"], shipped["run"], shipped["validation"])
    about = networks.CANDIDATES[recipe.candidate].about
    document["candidates"][recipe.candidate] = _longer(about, record["run"], record["scores"])
    write_json(path, document)
    readme.PAGE.fill(workspace.results)
    print(f"{recipe.candidate}: validation accuracy {record['scores']['accuracy']['value']:.4f}")
    return OK


def _longer(about: str, run_record: dict[str, Any], scores: dict[str, Any]) -> dict[str, Any]:
    spent = {key: run_record[key] for key in ("steps", "pictures_seen", "core_seconds")}
    return {"about": about, **spent, **{key: scores[key] for key in REACHED}}


def _point(record: dict[str, Any]) -> dict[str, Any]:
    """A point of the learning curve."""
    return {"pictures": record["run"]["pictures_held"], "steps": record["run"]["steps"], **record["scores"]}


def finished(workspace: Workspace, recipe: Recipe, name: str) -> dict[str, Any]:
    """The validation.json of a run, which is trained first if necessary."""
    path = workspace.run(name) / VALIDATION
    return read_json(path, "galaxy compare") if path.exists() else train_one(workspace, recipe, name)


def row(workspace: Workspace, recipe: Recipe, name: str) -> dict[str, Any]:
    """A row of the comparison table."""
    record = finished(workspace, recipe, name)
    candidate = networks.CANDIDATES[recipe.candidate]
    chosen = Choice.of(record["choice"])
    network = predict.load(recipe.candidate, workspace.run(name))
    content = to_onnx(Served(network, views(chosen.views)), candidate.side)
    one_view = to_onnx(Served(network), candidate.side)
    return {
        "about": candidate.about,
        "side": candidate.side,
        **{key: record["run"][key] for key in ("parameters", "steps", "pictures_seen", "core_seconds")},
        **record["scores"],
        "views": chosen.views,
        "one_view_accuracy": record["views"]["as it is"]["accuracy"]["value"],
        "latency_ms": milliseconds(content, candidate.side)["least"],
        "one_view_latency_ms": milliseconds(one_view, candidate.side)["least"],
        "file": onnx_file.facts(content),
    }


def best(rows: dict[str, dict[str, Any]]) -> str:
    """The candidate with the best accuracy and macro F1, less its latency penalty; under 5 ms if possible."""
    fast = {name: row for name, row in rows.items() if row["latency_ms"] < SERVED_MS} or rows

    def merit(name: str) -> float:
        row = fast[name]
        points = 50 * (row["accuracy"]["value"] + row["macro_f1"]["value"])
        return float(points - row["latency_ms"] / MS_PER_POINT)

    return max(fast, key=merit)


def ablate(options: argparse.Namespace) -> int:
    """Write results/ablation.json and its table in README.md; finished runs are not trained again."""
    workspace = Workspace.of(options)
    compared = read_json(workspace.results / COMPARISON, "galaxy compare")
    steps = options.steps or compared["candidates"][compared["winner"]]["steps"]
    recipe = Recipe(compared["winner"], 0.0, steps=steps)
    gz2, _ = workspace.catalogues()
    truth = gz2.label[split.rows(workspace.split().validation, gz2)]
    full = finished(workspace, recipe, WHOLE)
    full_loss, full_correct = _results(workspace, WHOLE, full, truth)
    document: dict[str, Any] = {
        "part": "validation",
        "candidate": recipe.candidate,
        "steps": steps,
        "seed": recipe.seed,
        "whole": {key: full["scores"][key] for key in REACHED},
        "without": {},
    }
    for kind in options.without:
        name = f"ablation_without_{kind}"
        record = finished(workspace, replace(recipe, without=kind), name)
        loss, correct = _results(workspace, name, record, truth)
        document["without"][kind] = {
            **{key: record["scores"][key] for key in REACHED},
            "log_loss_gain": with_interval(loss - full_loss),
            "accuracy_gain": with_interval(full_correct - correct),
        }
        log(f"without {kind}: accuracy {record['scores']['accuracy']['value']:.4f}")
        write_json(workspace.results / ABLATION, document)
    readme.PAGE.fill(workspace.results)
    return OK


def _results(
    workspace: Workspace, name: str, record: dict[str, Any], truth: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) log loss in nats and (n,) correctness (1 or 0) of each validation picture."""
    # Without the logit adjustment, which differs between runs and trades log loss for recall of rare classes.
    logits, chosen = np.load(workspace.run(name) / train.VALIDATION_LOGITS), Choice.of(record["choice"])
    correct = chosen.probabilities(logits).argmax(axis=1) == truth
    mean = logits[:, VIEW_SETS[chosen.views]].mean(axis=1)
    true_class = calibration.probabilities(mean, calibration.fit_temperature(mean, truth))[np.arange(len(truth)), truth]
    return -np.log(np.maximum(true_class, LEAST)), correct.astype(np.float64)
