"""``export``: the ONNX file and its card, after parity and accuracy are shown on the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from model_export import reliability as curves
from model_export.common import latency as measure
from model_export.common import onnx_file
from model_export.common.cli import OK, REFUSED, progress, say
from model_export.common.files import read_json, sha256, write_json
from model_export.common.publish import next_version
from model_export.image import card, checkpoint, inference, labels, photographs, public_weights, readme, scores
from model_export.image.photographs import HELD_OUT, SAMPLE, groups
from model_export.image.served import Served
from model_export.image.workspace import ARTEFACT, EVALUATIONS, EXPORT, Workspace, libraries
from skysort.card import CARD_FILE
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.settings import Settings

PARITY: Final = 1e-4
PARITY_PHOTOGRAPHS: Final = 64
MODEL_FILE: Final = "image.onnx"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write image.onnx and card.json into the artefact folder, and results/export.json."""
    workspace = Workspace.of(options, settings)
    evaluation = read_json(
        workspace.results / EVALUATIONS[options.network], f"image evaluate --network {options.network}"
    )
    held = checkpoint.load(workspace.network(options.network), "weights" if options.network == "base" else "train")
    found = photographs.chosen(photographs.find(workspace.data, labels.load()), part=HELD_OUT)
    geometry = photographs.spec(evaluation["resize_shorter"], evaluation["filter"])
    folder = options.into or ARTEFACT
    in_place = read_json(folder / CARD_FILE, "image export") if (folder / CARD_FILE).exists() else None
    served = Served(held.network, evaluation["temperature"])
    with progress() as bar:
        task = bar.add_task("photographs", total=2 * len(found))
        pixels = photographs.pixels(found, geometry, lambda: bar.advance(task))
        content = onnx_file.export(served, photographs.SIDE)
        agreement = parity(served, content, pixels[:PARITY_PHOTOGRAPHS])
        session = onnx_file.session(content)
        given = inference.probabilities(session, pixels, lambda done: bar.advance(task, done))
    truth = photographs.labels_of(found)
    measured = {
        "version": next_version(None if in_place is None else in_place["version"], options.bump),
        "network": options.network,
        "sha256": sha256(content),
        **onnx_file.facts(content),
        "parity": agreement,
        "exported_file": {name: report(given[rows], truth[rows], evaluation) for name, rows in groups(found).items()},
        "latency": {
            **measure.latency(content, pixels),
            "public_file": measure.public(public_weights.content(workspace.data)),
        },
        "libraries": libraries(),
    }
    measured["roofline"] = measure.roofline(content, measured["latency"]["one"]["least"])
    measured["int8"] = quantised(content, pixels, truth, groups(found)[SAMPLE])
    if worse := _worse(in_place, measured):
        say(worse)
        return REFUSED
    write_json(workspace.results / EXPORT, measured)
    readme.fill(workspace.results)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(content)
    write_json(folder / CARD_FILE, card.document(workspace, held, evaluation, measured))
    say(f"{folder / MODEL_FILE}: {len(content):,} bytes, {measured['nodes']} nodes")
    say(f"largest difference of a probability from the framework: {agreement['largest_difference']:.1e}")
    return OK


def _worse(in_place: dict[str, Any] | None, measured: dict[str, Any]) -> str:
    """Why the file may not replace the one in place; empty if it may."""
    if in_place is None:
        return ""
    old, new = in_place["metrics"], measured["exported_file"][SAMPLE]
    if old["rows"] != new["rows"] or new["top_1"]["value"] >= old["accuracy"]["value"]:
        return ""
    return (
        f"not published: top-1 {new['top_1']['value']:.4f} on the held-out half, "
        f"version {in_place['version']} in place has {old['accuracy']['value']:.4f}"
    )


def parity(served: Served, content: bytes, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """The largest difference of a probability between the framework and the file; ConfigurationError above 1e-4."""
    with torch.no_grad():
        ours = served(torch.from_numpy(pixels), torch.arange(2))
    theirs = onnx_file.session(content).run(
        list(onnx_file.OUTPUTS), {"image": pixels, "explain": np.arange(2, dtype=np.int64)}
    )
    apart = [float(np.abs(mine.numpy() - other).max()) for mine, other in zip(ours, theirs, strict=True)]
    named = dict(zip(onnx_file.OUTPUTS, apart, strict=True))
    if named["probabilities"] >= PARITY:
        raise ConfigurationError(f"the exported file differs from the network by {named['probabilities']:.1e}")
    return {"photographs": len(pixels), "largest_difference": named["probabilities"], "by_output": named}


def report(given: NDArray[np.float32], truth: NDArray[np.int64], evaluation: dict[str, Any]) -> dict[str, Any]:
    """Accuracy, calibration and sets of the file as it ships, with the card's own threshold."""
    sets = scores.prediction_sets(given, evaluation["conformal"]["threshold"])
    return {
        **scores.accuracy(given, truth),
        "ece": round(scores.calibration_error(given, truth), scores.DIGITS),
        "conformal_coverage": scores.with_interval(sets[np.arange(len(truth)), truth]),
        "mean_set_size": round(float(sets.sum(axis=1).mean()), scores.DIGITS),
        **curves.of_photographs(given, truth),
    }


def quantised(
    content: bytes, pixels: NDArray[np.uint8], truth: NDArray[np.int64], rows: NDArray[np.bool_]
) -> dict[str, Any]:
    """What INT8 would bring and cost; it is measured, not shipped."""
    smaller = measure.int8(content, pixels)
    session = onnx_file.session(smaller)
    given = inference.probabilities(session, pixels[rows])
    return {
        "bytes": len(smaller),
        "one": measure.milliseconds(lambda: session.run(["probabilities"], {"image": pixels[:1]})),
        "top_1": scores.with_interval(scores.hits(given, truth[rows], 1)),
    }
