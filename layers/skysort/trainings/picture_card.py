"""The card of a trained picture model."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from skysort.custom.networks import BLOCKS, INPUTS
from skysort.learning.calibration import COVERAGE
from skysort.learning.fitting import OWN_THRESHOLD
from skysort.learning.sketch import THRESHOLD
from skysort.limits import TRAINING_REFUSALS_LISTED
from skysort.trainings.classes import Why
from skysort.trainings.features import RECIPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.custom.head import Head
    from skysort.custom.networks import Input
    from skysort.trainings.classes import Refusal
    from skysort.trainings.features import TrainingSet
    from skysort.trainings.request import Training

_LAYER: Final = "features: the last map before pooling"
_LIBRARIES: Final = ("numpy", "onnxruntime", "pillow")
_SMALL: Final = 50


def picture_card(
    request: Training,
    head: Head,
    examples: TrainingSet,
    *,
    refused: Sequence[Refusal],
    fitted: Mapping[str, Any],
    evaluation: Mapping[str, Any],
) -> dict[str, Any]:
    """The card, without the hashes of the version's files.

    Parameters
    ----------
    request
        What was asked for.
    head, examples
        What was fitted, and on what.
    refused
        What was left out.
    fitted, evaluation
        The documents of the steps fit and evaluate.

    Returns
    -------
    dict
        A JSON document, the same for the same input.
    """
    shown = [INPUTS[name] for name in dict.fromkeys(BLOCKS[name].input for name, _ in head.blocks)]
    networks = [each.network for each in shown]
    hyperparameters = fitted["hyperparameters"]
    return {
        "name": request.name,
        "kind": request.kind.value,
        "created": request.created,
        "training": request.id,
        "labels": list(head.labels),
        "architecture": f"{hyperparameters['candidate']} on {head.width:,} features of "
        + " and ".join(f"{each.network} at {each.side} pixels" if each.side else each.network for each in shown),
        "input": {"pictures": "as the built-in models take them", "networks": networks},
        "features": {
            "networks": [
                {"name": each.network, "sha256": examples.networks[each.network], "layer": _LAYER, **_side(each)}
                for each in shown
            ],
            "blocks": [{"name": name, "size": size} for name, size in head.blocks],
            "views": RECIPE.views.value,
        },
        "bytes": len(head.save()),
        "temperature": head.temperature,
        "conformal": {
            "coverage": COVERAGE,
            "method": f"class-conditional conformal, out-of-fold probabilities; classes of fewer than {OWN_THRESHOLD} "
            "pictures share a threshold, so that the coverage is that of all of them together",
            "thresholds": [round(float(each), 6) for each in head.thresholds],
        },
        "typicality": {
            "threshold": THRESHOLD,
            "method": "conformal p-value of what lies outside the principal axes of the training pictures' features",
        },
        "thumbnails": _places(fitted["thumbnails"]),
        "metrics": evaluation["metrics"],
        "learning_curve": evaluation["learning_curve"],
        "forecast": evaluation["forecast"],
        "hyperparameters": {**hyperparameters, "views": RECIPE.views.value, "seed": request.options.get("seed", 0)},
        "training_data": _training_data(examples, refused),
        "limitations": _limitations(examples),
        "libraries": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
    }


def _side(shown: Input) -> dict[str, Any]:
    """What is said of another input than the network's own: the side of the square, and that it is sharpened."""
    return {} if shown.side is None else {"side": shown.side, "sharpened": True}


def _places(sizes: Sequence[int]) -> list[list[int]]:
    """Start and size of each thumbnail, one behind the other, in the order of the head's examples."""
    return [[end - size, size] for end, size in zip(accumulate(sizes), sizes, strict=True)]


def _training_data(examples: TrainingSet, refused: Sequence[Refusal]) -> dict[str, Any]:
    hashes = "\n".join(sorted(examples.digests)).encode()
    named = {
        "duplicates": Why.DUPLICATE,
        "conflicting": Why.CONFLICTING,
        "unreadable": Why.UNREADABLE,
        "outside": Why.OUTSIDE,
    }
    left_out = {name: [each for each in refused if each.why is why] for name, why in named.items()}
    return {
        "files": len(examples.files),
        "classes": examples.counts,
        "sha256": hashlib.sha256(hashes).hexdigest(),
        **{
            name: {
                "count": len(group),
                "files": [{"file": each.file, "reason": each.reason} for each in group[:TRAINING_REFUSALS_LISTED]],
            }
            for name, group in left_out.items()
        },
    }


def _limitations(examples: TrainingSet) -> list[str]:
    smallest = min(examples.counts, key=lambda name: examples.counts[name])
    known = [
        "It knows these classes alone: a picture of anything else gets one of them too, with a low typicality.",
        "Its scores hold for pictures like those that it was trained on.",
        "Only the same file is a copy: a picture that is there again mirrored or saved anew makes the scores too good.",
    ]
    if examples.counts[smallest] < _SMALL:
        known.append(
            f"Class {smallest!r} has {examples.counts[smallest]} pictures; its scores and its share of the prediction "
            "sets are uncertain."
        )
    return known
