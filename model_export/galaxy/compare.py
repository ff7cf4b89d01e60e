"""``compare``: train every candidate with the same processor time, and a learning curve of the winner.

With ``--alone`` one candidate gets a time of its own, and stands beside the one that ships: a network from scratch
needs more pictures than one that begins with ImageNet's weights.
Scores are those of the validation part: the test part is for the one that ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from model_export.common.cli import OK, say
from model_export.common.files import read_json, write_json
from model_export.galaxy import fit, latency, networks, onnx_file, readme
from model_export.galaxy.choice import Choice
from model_export.galaxy.graph import Served
from model_export.galaxy.train import train_one
from model_export.galaxy.views import views
from model_export.galaxy.workspace import COMPARISON, EVALUATION, LONGER, VALIDATION, Workspace

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings

SERVED_MS: Final = 5.0
# Accuracy that is worth a millisecond: between candidates, half a point a millisecond.
MS_PER_POINT: Final = 2.0


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write results/comparison.json and the tables of README.md; finished runs are not trained again."""
    torch.set_num_threads(options.threads)
    workspace = Workspace.of(options, settings)
    if options.alone:
        return alone(workspace, fit.Recipe(options.alone, options.minutes))
    rows = {}
    for name in networks.CANDIDATES:
        rows[name] = row(workspace, fit.Recipe(name, options.minutes), f"compare_{name}")
        say(f"{name}: {rows[name]['accuracy']['value']:.4f} at {rows[name]['latency_ms']} ms")
    winner = best(rows)
    document: dict[str, Any] = {
        "core_minutes": options.minutes,
        "part": "validation",
        "candidates": rows,
        "winner": winner,
        "learning_curve": {"candidate": winner, "fractions": {}},
    }
    # Written before the curve too: a table is worth keeping if the rest is stopped.
    write_json(workspace.results / COMPARISON, document)
    steps = rows[winner]["steps"]
    fractions = document["learning_curve"]["fractions"]
    whole = read_json(workspace.run(f"compare_{winner}") / VALIDATION, "galaxy compare")
    for fraction in options.curve:
        recipe = fit.Recipe(winner, options.minutes, fraction, steps)
        record = finished(workspace, recipe, f"curve_{round(100 * fraction)}")
        fractions[str(fraction)] = point(record)
    fractions["1.0"] = point(whole)
    write_json(workspace.results / COMPARISON, document)
    readme.fill(workspace.results)
    print(f"winner: {winner}")
    return OK


def alone(workspace: Workspace, recipe: fit.Recipe) -> int:
    """Train one candidate for a time of its own and add it to results/longer.json."""
    record = finished(workspace, recipe, f"longer_{recipe.candidate}")
    shipped = read_json(workspace.results / EVALUATION, "galaxy evaluate")
    path = workspace.results / LONGER
    document: dict[str, Any] = {"part": "validation", "candidates": {}}
    if path.exists():
        document = read_json(path, "galaxy compare")
    document["shipped"] = longer(shipped["candidate"]["about"], shipped["run"], shipped["validation"])
    about = networks.CANDIDATES[recipe.candidate].about
    document["candidates"][recipe.candidate] = longer(about, record["run"], record["scores"])
    write_json(path, document)
    readme.fill(workspace.results)
    print(f"{recipe.candidate}: validation accuracy {record['scores']['accuracy']['value']:.4f}")
    return OK


def longer(about: str, run_record: dict[str, Any], scores: dict[str, Any]) -> dict[str, Any]:
    """What is compared of a run that had its own time."""
    spent = {key: run_record[key] for key in ("steps", "pictures_seen", "core_seconds")}
    reached = {key: scores[key] for key in ("accuracy", "balanced_accuracy", "macro_f1", "ece")}
    return {"about": about, **spent, **reached}


def point(record: dict[str, Any]) -> dict[str, Any]:
    """One point of the learning curve."""
    run_record = record["run"]
    return {"pictures": run_record["pictures_held"], "steps": run_record["steps"], **record["scores"]}


def finished(workspace: Workspace, recipe: fit.Recipe, name: str) -> dict[str, Any]:
    """What validation.json of a run says, after training it if that has not been done."""
    path = workspace.run(name) / VALIDATION
    return read_json(path, "galaxy compare") if path.exists() else train_one(workspace, recipe, name)


def row(workspace: Workspace, recipe: fit.Recipe, name: str) -> dict[str, Any]:
    """One line of the table."""
    record = finished(workspace, recipe, name)
    candidate = networks.CANDIDATES[recipe.candidate]
    chosen = Choice.of(record["choice"])
    network = fit.load(recipe.candidate, workspace.run(name))
    content = onnx_file.export(Served(network, views(chosen.views)), candidate.side)
    one_view = onnx_file.export(Served(network), candidate.side)
    run_record = record["run"]
    return {
        "about": candidate.about,
        "side": candidate.side,
        "parameters": run_record["parameters"],
        "steps": run_record["steps"],
        "pictures_seen": run_record["pictures_seen"],
        "core_seconds": run_record["core_seconds"],
        **record["scores"],
        "views": chosen.views,
        "one_view_accuracy": record["views"]["as it is"]["accuracy"]["value"],
        "latency_ms": latency.least(content, candidate.side),
        "one_view_latency_ms": latency.least(one_view, candidate.side),
        "file": onnx_file.facts(content),
    }


def best(rows: dict[str, dict[str, Any]]) -> str:
    """The candidate of the best accuracy and macro F1, less what its milliseconds cost, among those under 5 ms.

    If none is under 5 ms, all compete.
    """
    fast = {name: row for name, row in rows.items() if row["latency_ms"] < SERVED_MS} or rows

    def merit(name: str) -> float:
        row = fast[name]
        points = 50 * (row["accuracy"]["value"] + row["macro_f1"]["value"])
        return float(points - row["latency_ms"] / MS_PER_POINT)

    return max(fast, key=merit)
