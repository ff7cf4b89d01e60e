"""The model card of the image model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common import onnx_file
from model_export.common.files import read_json
from model_export.image import labels
from model_export.image.photographs import IMAGENETTE, SAMPLE, SIDE
from model_export.image.workspace import TRAINING, WEIGHTS, Workspace

if TYPE_CHECKING:
    from model_export.image.checkpoint import Checkpoint

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


def document(
    workspace: Workspace, held: Checkpoint, evaluation: dict[str, Any], measured: dict[str, Any]
) -> dict[str, Any]:
    """Everything that is published of the file."""
    named = labels.load()
    tuned = evaluation["network"] == "tuned"
    training = read_json(workspace.results / TRAINING, "image train") if tuned else None
    main = measured["exported_file"][SAMPLE]
    cross = evaluation["calibration_cross_fitted"]
    return {
        "name": "image",
        "version": measured["version"],
        "architecture": held.network.name,
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
            "probabilities": {
                "dtype": "float32",
                "shape": ["n", labels.CLASSES],
                "meaning": "calibrated, rows sum to 1",
            },
            "activation": {
                "dtype": "float32",
                "shape": ["n", "k", SIDE // 32, SIDE // 32],
                "classes_input": onnx_file.EXPLAIN,
                "meaning": "a class-activation map for each of the k class numbers given to the int64 input `explain`; "
                "that input may be left out, then k is 0 and the maps cost nothing",
            },
            "embedding": {
                "dtype": "float32",
                "shape": ["n", held.network.projection.out_features],
                "meaning": "what the classifier sees",
            },
        },
        "file": "image.onnx",
        **{key: measured[key] for key in ("sha256", "bytes", "opset", "ir_version", "nodes", "parameters")},
        "temperature": evaluation["temperature"],
        "conformal": evaluation["conformal"],
        "metrics": {
            "split": f"{SAMPLE}, held-out half: one photograph of each of {main['rows']} classes, none used in tuning",
            "rows": main["rows"],
            "accuracy": main["top_1"],
            "top_5": main["top_5"],
            "ece_before": cross["ece_before"],
            "ece_after": cross["ece_after"],
            "calibration_cross_fitted": cross,
            "exported_file": measured["exported_file"],
            "against_public_weights": evaluation["held_out"],
        },
        "training_data": {
            "origin": held.origin,
            "change": _change(evaluation, training),
            "tuning": training["data"] if training else None,
            "held_out": f"the other half of {SAMPLE} and of {IMAGENETTE}",
        },
        "seed": training["seed"] if training else None,
        "command": _command(evaluation["network"]),
        "parity": measured["parity"],
        "latency": {**measured["latency"], "roofline": measured["roofline"], "int8": measured["int8"]},
        "libraries": measured["libraries"],
        "licence": held.origin["licence"],
        "attribution": ATTRIBUTION,
        "intended_use": INTENDED_USE,
        "limitations": list(LIMITATIONS),
        "public_weights": read_json(workspace.results / WEIGHTS, "image weights")["before_any_change"],
    }


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
