"""``evaluate``: export the trained network, and measure the exported file on the test part.

Every test picture is processed like a request: skysort.pictures.decode, then inference with the file.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime
import torch

from model_export.common import latency, onnx_file
from model_export.common.cli import OK, log, progress
from model_export.common.files import read_json, sha256, versions, write_json
from model_export.common.onnx_file import INPUT, OUTPUTS
from model_export.common.readme import interval
from model_export.galaxy import coarse_split, metrics, networks, predict, readme, split
from model_export.galaxy.catalogue import LOCAL, load_gz1
from model_export.galaxy.choice import Choice, views
from model_export.galaxy.data import description, spec
from model_export.galaxy.graph import Served, to_onnx
from model_export.galaxy.labels import NAMES
from model_export.galaxy.workspace import EVALUATION, FILE, VALIDATION, Workspace
from skysort.learning import calibration
from skysort.learning.calibration import calibration_error
from skysort.learning.metrics import confusion, per_class, sets_summary, summary
from skysort.pictures.decode import decode
from skysort.pictures.model import PROBABILITIES
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue
    from skysort.pictures.geometry import InputSpec

# Maximum difference between the file and PyTorch for publishing.
PARITY_LIMIT: Final = 1e-4
PARITY_PICTURES: Final = 200
ROUNDED: Final = 6
CALIBRATION_PICTURES: Final = 64  # for the INT8 ranges
ROUNDS: Final = 10
TIMES: Final = 30
PAUSE_S: Final = 0.01
SESSIONS: Final = 9
LIBRARIES: Final = ("torch", "onnx", "onnxruntime", "numpy", "pillow")


def run(options: argparse.Namespace) -> int:
    """Write build/galaxy/galaxy.onnx, results/evaluation.json and the tables of README.md."""
    workspace = Workspace.of(options)
    trained = read_json(workspace.run(options.name) / VALIDATION, "galaxy train")
    candidate = networks.CANDIDATES[trained["run"]["candidate"]]
    chosen = Choice.of(trained["choice"])
    network = predict.load(candidate.name, workspace.run(options.name))
    shift = torch.tensor(chosen.shift, dtype=torch.float32)
    served = Served(network, views(chosen.views), shift=shift, temperature=chosen.temperature).eval()
    content = to_onnx(served, candidate.side)
    (workspace.build / FILE).write_bytes(content)
    gz2, efigi = workspace.catalogues()
    parts = workspace.split()
    rows = split.rows(parts.test, gz2)
    geometry = spec(candidate.side)
    with progress() as bar:
        on_each = partial(bar.advance, bar.add_task("test pictures", total=len(rows)))
        pictures = np.stack([decode(gz2.files[row].read_bytes(), geometry) for row in rows])
        probability = onnx_file.probabilities(onnx_file.session(content), pictures, on_each).astype(np.float64)
    log("measuring latency")
    document: dict[str, Any] = {
        "sha256": sha256(content),
        "candidate": {"name": candidate.name, "about": candidate.about, "side": candidate.side},
        "libraries": versions(LIBRARIES),
        "run": trained["run"],
        "teachers": {
            name: read_json(workspace.run(name) / "run.json", "galaxy train")
            for name in trained["run"].get("teachers", ())
        },
        "choice": trained["choice"],
        "validation": trained["scores"],
        "data": description(gz2, efigi, parts, survey=workspace.survey),
        "metrics": measure(probability, chosen, gz2, rows),
        "parity": parity(served, content, pictures[:PARITY_PICTURES]),
        "file": onnx_file.facts(content),
        "latency": timings(served, content, candidate.side, pictures, gz2.label[rows]),
    }
    if workspace.survey == LOCAL:
        document["coarse"] = coarse_agreement(workspace, content, geometry)
    write_json(workspace.results / EVALUATION, document)
    readme.PAGE.fill(workspace.results)
    scores = document["metrics"]
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        print(f"{name}: {interval(scores[name], 4)}")
    print(f"ECE: {scores['ece_before']:.4f} before temperature, {scores['ece_after']:.4f} after")
    print(f"latency p50: {document['latency']['one_thread']['p50']} ms")
    return OK


def measure(probability: NDArray[np.float64], chosen: Choice, gz2: Catalogue, rows: NDArray[np.intp]) -> dict[str, Any]:
    """All scores on the test part."""
    truth = gz2.label[rows]
    predicted = probability.argmax(axis=1)
    table = confusion(truth, predicted, len(NAMES))
    scores = summary(probability, truth)
    ece_after = scores.pop("ece")
    # The file applies the temperature; inverting it gives the network's uncalibrated probabilities.
    raw = probability**chosen.temperature
    raw /= raw.sum(axis=1, keepdims=True)
    sets = prediction_sets(probability.astype(np.float32), chosen.thresholds.astype(np.float32))
    return {
        "split": "test",
        **scores,
        "log_loss": round(float(-np.log(probability[np.arange(len(truth)), truth]).mean()), ROUNDED),
        "ece_before": calibration_error(raw, truth),
        "ece_after": ece_after,
        "ece_of_a_perfectly_calibrated_model": metrics.ece_of_perfect(probability),
        "per_class": per_class(table, NAMES),
        "confusion_matrix": table.tolist(),
        "reliability": calibration.reliability(probability, truth).document(),
        "by_source": metrics.by_source(predicted, truth, [gz2.source[row] for row in rows]),
        "accuracy_reweighted_to_full_survey": metrics.reweighted_accuracy(table),
        "conformal": sets_summary(sets, truth, NAMES),
    }


def coarse_agreement(workspace: Workspace, content: bytes, geometry: InputSpec) -> dict[str, dict[str, float]]:
    """Agreement with the Galaxy Zoo 1 classes of that survey's test part (see metrics.agreement)."""
    gz1 = load_gz1(workspace.data)
    rows = split.rows(split.load(coarse_split.FOLDER).test, gz1)
    pictures = np.stack([decode(gz1.files[row].read_bytes(), geometry) for row in rows])
    probability = onnx_file.probabilities(onnx_file.session(content), pictures).astype(np.float64)
    return metrics.agreement(probability, gz1.allowed[rows], [gz1.source[row] for row in rows])


def parity(served: Served, content: bytes, pictures: NDArray[np.uint8]) -> dict[str, Any]:
    """The largest difference between PyTorch and the file for each output, on test pictures."""
    running = onnx_file.session(content)
    largest = dict.fromkeys(OUTPUTS, 0.0)
    with torch.inference_mode():
        for picture in pictures:
            reference = served(torch.from_numpy(picture[np.newaxis]))
            outputs = running.run(list(OUTPUTS), {INPUT: picture[np.newaxis]})
            for name, expected, actual in zip(OUTPUTS, reference, outputs, strict=True):
                largest[name] = max(largest[name], float(np.abs(expected.numpy() - actual).max()))
    return {
        "max_abs_difference": {name: float(f"{value:.3g}") for name, value in largest.items()},
        "pictures": len(pictures),
        "limit": PARITY_LIMIT,
    }


def milliseconds(content: bytes, side: int, *, threads: int = 1, batch: int = 1) -> dict[str, float]:
    """Latency of a run as in a request, with only the probabilities fetched."""
    running = onnx_file.session(content, threads)
    fetched_only = onnxruntime.RunOptions()
    fetched_only.only_execute_path_to_fetches = True
    picture = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    return latency.milliseconds(
        lambda: running.run([PROBABILITIES], {INPUT: picture}, fetched_only), TIMES, rounds=ROUNDS, pause_s=PAUSE_S
    )


def timings(
    served: Served, content: bytes, side: int, pictures: NDArray[np.uint8], truth: NDArray[np.int64]
) -> dict[str, Any]:
    """Latency with one and two threads, in batches and in INT8, session creation time, and the roofline."""
    chosen = pictures[:: max(1, len(pictures) // CALIBRATION_PICTURES)][:CALIBRATION_PICTURES]
    eight_bits = latency.to_int8(content, chosen)
    predicted = onnx_file.probabilities(onnx_file.session(eight_bits), pictures).argmax(axis=1)
    of_8 = milliseconds(to_onnx(served, side, batch=8), side, batch=8)
    one_thread = milliseconds(content, side)
    roof = latency.roofline(content, side)
    return {
        "with": "ONNX Runtime on a shared machine: best of 10 rounds of 30 runs with pauses, probabilities only",
        "one_thread": one_thread,
        "two_threads": milliseconds(content, side, threads=2),
        "batch_of_8_per_picture": {name: round(value / 8, 3) for name, value in of_8.items()},
        "int8": {
            **milliseconds(eight_bits, side),
            "bytes": len(eight_bits),
            "accuracy": round(float((predicted == truth).mean()), ROUNDED),
        },
        "session_creation": latency.milliseconds(lambda: onnx_file.session(content), SESSIONS),
        "roofline": {
            "multiply_adds": roof["multiply_adds"],
            "peak_gflops_one_thread": roof["peak_gflops"],
            "ms_at_peak": roof["floor_ms"],
            "processor_ms": roof["processor_ms"],
            "ratio": roof["ratio"],
        },
        "operators_ms": latency.by_operator(content, side),
    }
