"""The table of people's own picture classifiers, from what tests.bench.custom measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_YET: Final = "Not measured yet: run `python -m tests.bench.custom`."
# Accuracy to reach, by part.
BARS: Final = {"rings": 0.80, "vehicles": 0.90, "dog_breeds": 0.75, "three_breeds": 0.95}


def custom(results: Path) -> str:
    """Accuracy, bars and costs of each set, the curve of the rings, active learning and the time of a prediction."""
    path = results / "custom.json"
    if not path.is_file():
        return NOT_YET
    found = json.loads(path.read_text(encoding="utf-8"))
    header = ["", "examples", "held out", "accuracy (95 %)", "to reach", "features (CPU s)", "fit (CPU s)", "kB"]
    rows = [
        _row("galaxies with and without a ring", found["rings"], "5 x 5 folds", "rings"),
        _row("vehicles, 32 px", found["vehicles"], f"{found['vehicles']['held_out']} others", "vehicles"),
        _row("six dog breeds, 64 px", found["dog_breeds"], "5 x 5 folds", "dog_breeds"),
        _three("three of six dog breeds, 64 px", found["three_breeds"]),
        _three("three of six other things, 160 px", found["three_kinds"]),
    ]
    return "\n\n".join([table(header, rows), _networks(found), _curve(found), _speed(found)])


def _interval(score: Mapping[str, float]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _row(name: str, part: Mapping[str, Any], held_out: str, bar: str) -> list[str]:
    return [
        name,
        str(part["examples"]),
        held_out,
        _interval(part["accuracy"]),
        f"{BARS[bar]:.2f}{'' if part['accuracy']['value'] >= BARS[bar] else ', missed'}",
        f"{part['features_s']:.1f}",
        f"{part['fit_s']:.1f}",
        f"{part['bytes'] / 1e3:.0f}",
    ]


def _three(name: str, part: Mapping[str, Any]) -> list[str]:
    accuracy, choices = part["accuracy"], part["choices"]
    reached = sum(each["accuracy"] >= BARS["three_breeds"] for each in part["all"])
    return [
        name,
        str(part["photographs"]),
        "the rest of theirs",
        f"{accuracy['mean']:.3f} (of {choices} choices {accuracy['least']:.3f} to {accuracy['most']:.3f})",
        f"{BARS['three_breeds']:.2f}, by {reached} of {choices} choices",
        "",
        "",
        "",
    ]


def _networks(found: Mapping[str, Any]) -> str:
    parts = [
        f"`{name}` alone {_interval(alone['accuracy'])}, the choice among all {_signed(alone['gain_of_both'])} better"
        for name, alone in found["rings_by_network"].items()
    ]
    return f"Rings, on the same pictures: {'; '.join(parts)}."


def _signed(score: Mapping[str, float]) -> str:
    return f"{score['value']:+.3f} ({score['low']:+.3f} to {score['high']:+.3f})"


def _curve(found: Mapping[str, Any]) -> str:
    steps = [f"{_interval(each['accuracy'])} with {each['examples']}" for each in found["rings_curve"]]
    asked = found["rings_active"]
    needed = f"{asked['labels_needed']} labels" if asked["labels_needed"] else "more than 200 labels"
    return (
        f"Rings by the number of labels: {', '.join(steps)}. Active learning, ten labels a round, needs {needed} for "
        f"the {asked['accuracy_of_200_random']['value']:.3f} of 200 random ones; with as many labels it is "
        f"{_signed(asked['gain_at_as_many_labels'])} better."
    )


def _speed(found: Mapping[str, Any]) -> str:
    speed, machine, dogs = found["speed"], found["machine"], found["dog_breeds"]
    more = 100 * (speed["ratio"] - 1)
    return (
        f"One prediction takes {speed['custom_ms']:.1f} ms, the two networks' own predictions "
        f"{speed['galaxy_and_image_ms']:.1f} ms: {more:+.0f} %, decoding aside. Evaluation of {dogs['examples']} "
        f"pictures with its learning curve: {dogs['evaluate_s']:.1f} s. Processor time of one core of "
        f"{machine['cpus']}, of {machine['peak_gflops_one_thread']:.0f} GFLOP/s beside other work."
    )
