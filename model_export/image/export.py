"""``export``: write the ONNX file and its card, after checking parity and accuracy of the file itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from model_export.common import onnx_file
from model_export.common.cli import log, progress
from model_export.common.files import read_json, sha256, versions, write_json
from model_export.common.latency import milliseconds, roofline, to_int8
from model_export.common.networks import public_weights
from model_export.common.publish import Target
from model_export.image import data, readme, scores, weights
from model_export.image.data import (
    EVALUATIONS,
    EXPORT,
    HELD_OUT,
    IMAGENETTE,
    LIBRARIES,
    SAMPLE,
    SIDE,
    TRAINING,
    WEIGHTS,
    Workspace,
    groups,
)
from model_export.image.networks import Served, to_onnx
from skysort.errors import ConfigurationError
from skysort.learning.calibration import calibration_error
from skysort.learning.metrics import DIGITS, hits, top_1_and_5, with_interval
from skysort.pictures.model import FEATURES
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.image.weights import Checkpoint

PARITY: Final = 1e-4
PARITY_PHOTOGRAPHS: Final = 64
MODEL_FILE: Final = "image.onnx"
REPEATS: Final = 200
SESSIONS: Final = 15
BATCHES: Final = (1, 2, 4, 8, 16)
THREADS: Final = (1, 2)
CALIBRATION: Final = 64  # photographs for the INT8 ranges
ATTRIBUTION: Final = (
    "Weights: The TensorFlow Authors, TF-Slim MobileNetV3 (Apache-2.0). Architecture: Howard et al. (2019), "
    "Searching for MobileNetV3. Classes: ImageNet (Russakovsky et al. 2015), WordNet 3.0 (Princeton University)."
)
INTENDED_USE: Final = (
    "Naming the main object of an ordinary colour photograph among the 1,000 ImageNet classes or a subset of them."
)
LIMITATIONS: Final = (
    "A photograph of anything else still gets one of the labels.",
    "One photograph a class sets temperature and threshold, and the public network may have been trained on it.",
    "On pictures that it never saw (Imagenette's figures) expect less accuracy and coverage and too much confidence.",
    "For the float model about 72 % top-1 on ImageNet's validation set is published.",
    "Classes follow WordNet's nouns: some overlap (maillot, sunglasses), 118 are dog breeds, none is a person.",
)


def run(options: argparse.Namespace) -> int:
    """Write image.onnx and card.json into the artefact folder, and results/export.json."""
    workspace = Workspace.of(options)
    made_by = f"image evaluate --network {options.network}"
    evaluation = read_json(workspace.results / EVALUATIONS[options.network], made_by)
    checkpoint = weights.load(workspace, options.network)
    chosen = data.select(data.find(workspace.data), part=HELD_OUT)
    geometry = data.spec(evaluation["resize_shorter"], evaluation["filter"])
    target = Target("image", options)
    served = Served(checkpoint.network, evaluation["temperature"])
    with progress() as bar:
        on_each = partial(bar.advance, bar.add_task("photographs", total=2 * len(chosen)))
        pixels = data.pixels(chosen, geometry, on_each)
        content = to_onnx(served, SIDE)
        agreement = parity(served, content, pixels[:PARITY_PHOTOGRAPHS])
        probability = onnx_file.probabilities(onnx_file.session(content), pixels, on_each)
    truth = data.labels_of(chosen)
    measured = {
        "version": target.version,
        "network": options.network,
        "sha256": sha256(content),
        **onnx_file.facts(content),
        "parity": agreement,
        "exported_file": {
            name: report(probability[rows], truth[rows], evaluation) for name, rows in groups(chosen).items()
        },
        "latency": {**latency(content, pixels), "public_file": public_latency(public_weights(workspace.data))},
        "libraries": versions(LIBRARIES),
    }
    measured["roofline"] = roofline(content, SIDE)
    measured["int8"] = quantised(content, pixels, truth, groups(chosen)[SAMPLE])
    if worse := _worse(target.card, measured["exported_file"][SAMPLE]):
        return target.refuse(worse)
    write_json(workspace.results / EXPORT, measured)
    readme.PAGE.fill(workspace.results)
    log(f"{MODEL_FILE}: {len(content):,} bytes, {measured['nodes']} nodes")
    log(f"largest difference of a probability from PyTorch: {agreement['largest_difference']:.1e}")
    return target.publish({MODEL_FILE: content}, card(workspace, checkpoint, evaluation, measured))


def _worse(in_place: dict[str, Any] | None, new: dict[str, Any]) -> str:
    """Why the file must not replace the one in place; empty if it may."""
    old = in_place["metrics"] if in_place else new
    if in_place is None or old["rows"] != new["rows"] or new["top_1"]["value"] >= old["accuracy"]["value"]:
        return ""
    return (
        f"top-1 {new['top_1']['value']:.4f} on the held-out half, "
        f"below the {old['accuracy']['value']:.4f} of version {in_place['version']} in place"
    )


def parity(served: Served, content: bytes, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """The largest difference between PyTorch and the file; ConfigurationError above 1e-4 in a probability."""
    with torch.no_grad():
        ours = served(torch.from_numpy(pixels), torch.arange(2))
    inputs = {onnx_file.INPUT: pixels, onnx_file.EXPLAIN: np.arange(2, dtype=np.int64)}
    theirs = onnx_file.session(content).run(list(onnx_file.OUTPUTS), inputs)
    apart = [float(np.abs(mine.numpy() - other).max()) for mine, other in zip(ours, theirs, strict=True)]
    named = dict(zip(onnx_file.OUTPUTS, apart, strict=True))
    if named["probabilities"] >= PARITY:
        raise ConfigurationError(f"the exported file differs from the network by up to {named['probabilities']:.1e}")
    return {"photographs": len(pixels), "largest_difference": named["probabilities"], "by_output": named}


def report(probability: NDArray[np.float32], truth: NDArray[np.int64], evaluation: dict[str, Any]) -> dict[str, Any]:
    """Accuracy, calibration and prediction sets of the exported file, with the threshold of the card."""
    sets = prediction_sets(probability, evaluation["conformal"]["threshold"])
    return {
        **top_1_and_5(probability, truth),
        "ece": calibration_error(probability, truth),
        "conformal_coverage": with_interval(sets[np.arange(len(truth)), truth]),
        "mean_set_size": round(float(sets.sum(axis=1).mean()), DIGITS),
        "empty_sets": round(float((~sets.any(axis=1)).mean()), DIGITS),
        **scores.curves(probability, truth),
    }


def latency(content: bytes, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Latency of a photograph on one thread, with an explanation, on more threads, in batches; session creation."""
    session = onnx_file.session(content)
    photograph = pixels[:1]
    dynamic = not isinstance(session.get_inputs()[0].shape[0], int)
    inputs = {"image": photograph, "explain": np.array([0], dtype=np.int64)}
    return {
        "one": milliseconds(_runner(session, photograph), REPEATS),
        "one_explained": milliseconds(lambda: session.run(["probabilities", "activation"], inputs), REPEATS),
        "session_creation": milliseconds(lambda: onnx_file.session(content), SESSIONS),
        "threads": {
            str(count): milliseconds(_runner(onnx_file.session(content, count), photograph), REPEATS)
            for count in THREADS
        },
        "batches_per_picture": {
            str(size): round(
                milliseconds(_runner(session, np.repeat(photograph, size, 0)), REPEATS // size)["processor_p50"] / size,
                3,
            )
            for size in (BATCHES if dynamic else (1,))
        },
    }


def public_latency(content: bytes) -> dict[str, float]:
    """Latency of the public file on the same machine: a preprocessed photograph, one thread."""
    session = onnx_file.session(content)
    picture = np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)
    return milliseconds(lambda: session.run(["prob"], {"input": picture}), REPEATS)


def _runner(session: Any, pictures: NDArray[np.uint8]) -> Callable[[], object]:
    return lambda: session.run(["probabilities"], {"image": pictures})


def quantised(
    content: bytes, pixels: NDArray[np.uint8], truth: NDArray[np.int64], rows: NDArray[np.bool_]
) -> dict[str, Any]:
    """Size, latency and accuracy in INT8; the head stays float, as the activation map shares its matrices."""
    smaller = to_int8(content, pixels[:CALIBRATION], ("Conv", "Add"))
    session = onnx_file.session(smaller)
    probability = onnx_file.probabilities(session, pixels[rows])
    return {
        "bytes": len(smaller),
        "one": milliseconds(_runner(session, pixels[:1]), REPEATS),
        "top_1": with_interval(hits(probability, truth[rows], 1)),
    }


def card(
    workspace: Workspace, checkpoint: Checkpoint, evaluation: dict[str, Any], measured: dict[str, Any]
) -> dict[str, Any]:
    """The card of the exported file."""
    named = data.load_labels()
    tuned = evaluation["network"] == "tuned"
    training = read_json(workspace.results / TRAINING, "image train") if tuned else None
    main = measured["exported_file"][SAMPLE]
    cross = evaluation["calibration_cross_fitted"]
    return {
        "name": "image",
        "version": measured["version"],
        "architecture": checkpoint.network.name,
        "labels": list(named.names),
        "wordnet_ids": list(named.wordnet_ids),
        "subsets": named.subsets(),
        "input": {
            "name": onnx_file.INPUT,
            "dtype": "uint8",
            "shape": ["n", SIDE, SIDE, 3],
            "height": SIDE,
            "width": SIDE,
            "resize_shorter": evaluation["resize_shorter"],
            "central_fraction": 1.0,
            "background": "white",
            "filter": evaluation["filter"],
            "measurements": False,
        },
        "outputs": {
            "probabilities": _output("n", data.CLASSES, meaning="calibrated, rows sum to 1"),
            "activation": {
                "dtype": "float32",
                "shape": ["n", "k", SIDE // 32, SIDE // 32],
                "classes_input": onnx_file.EXPLAIN,
                "meaning": "a class-activation map for each of the k class numbers given to the int64 input `explain`; "
                "that input may be left out, then k is 0 and the maps cost nothing",
            },
            "embedding": _output("n", checkpoint.network.projection.out_features, meaning="what the classifier sees"),
            FEATURES: data.FEATURES_OUTPUT,
        },
        "file": MODEL_FILE,
        **{key: measured[key] for key in ("sha256", "bytes", "opset", "ir_version", "nodes", "parameters")},
        "temperature": evaluation["temperature"],
        "conformal": evaluation["conformal"],
        "metrics": {
            "split": f"{SAMPLE}, held-out half: one photograph of each of {main['rows']} classes, none used in tuning",
            "rows": main["rows"],
            "accuracy": main["top_1"],
            "top_5": main["top_5"],
            **{key: cross[key] for key in ("ece_before", "ece_after")},
            "calibration_cross_fitted": cross,
            "exported_file": measured["exported_file"],
            "against_public_weights": evaluation["held_out"],
        },
        "training_data": {
            "origin": checkpoint.origin,
            "change": _change(evaluation, training),
            "tuning": training["data"] if training else None,
            "held_out": f"the other half of {SAMPLE} and of {IMAGENETTE}",
        },
        "seed": training["seed"] if training else None,
        "command": _command(evaluation["network"]),
        "parity": measured["parity"],
        "latency": {**measured["latency"], "roofline": measured["roofline"], "int8": measured["int8"]},
        "libraries": measured["libraries"],
        "licence": checkpoint.origin["licence"],
        "attribution": ATTRIBUTION,
        "intended_use": INTENDED_USE,
        "limitations": list(LIMITATIONS),
        "public_weights": read_json(workspace.results / WEIGHTS, "image weights")["before_any_change"],
    }


def _output(*shape: str | int, meaning: str) -> dict[str, Any]:
    return {"dtype": "float32", "shape": list(shape), "meaning": meaning}


def _command(network: str) -> str:
    steps = ("weights", *(("train",) if network == "tuned" else ()), f"evaluate --network {network}")
    return " && ".join(f"python -m model_export image {step}" for step in (*steps, f"export --network {network}"))


def _change(evaluation: dict[str, Any], training: dict[str, Any] | None) -> str:
    kept = (
        "background output dropped; shorter side scaled to "
        f"{evaluation['resize_shorter']} pixels by a {evaluation['filter']} filter, chosen on the tuning half; "
        "temperature fitted"
    )
    return f"fine-tuned by self-distillation; {kept}" if training else f"weights as published; {kept}"
