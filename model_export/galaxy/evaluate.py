"""``evaluate``: export the trained network, and measure the exported file on the test part.

Every test picture goes the way of a request: its file's bytes through skysort.pictures.decode, then
one run of the ONNX file.
"""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from model_export.common import calibration
from model_export.common.cli import OK, progress, say
from model_export.common.files import read_json, sha256, write_json
from model_export.galaxy import fit, latency, metrics, networks, onnx_file, quantise, readme, split
from model_export.galaxy.choice import Choice
from model_export.galaxy.contract import FILE, INPUT, OUTPUTS, PARITY_LIMIT, PROBABILITIES, spec
from model_export.galaxy.data import describe
from model_export.galaxy.graph import Served
from model_export.galaxy.labels import NAMES
from model_export.galaxy.views import views
from model_export.galaxy.workspace import EVALUATION, VALIDATION, Workspace
from skysort.pictures.decode import decode
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue
    from model_export.settings import Settings

PARITY_PICTURES: Final = 200
ROUNDED: Final = 6
LIBRARIES: Final = ("torch", "onnx", "onnxruntime", "numpy", "pillow")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/galaxy/galaxy.onnx, results/evaluation.json and the tables of README.md."""
    torch.set_num_threads(options.threads)
    workspace = Workspace.of(options, settings)
    trained = read_json(workspace.run(options.name) / VALIDATION, "galaxy train")
    candidate = networks.CANDIDATES[trained["run"]["candidate"]]
    chosen = Choice.of(trained["choice"])
    network = fit.load(candidate.name, workspace.run(options.name))
    served = Served(
        network,
        views(chosen.views),
        shift=torch.tensor(chosen.shift, dtype=torch.float32),
        temperature=chosen.temperature,
    ).eval()
    content = onnx_file.export(served, candidate.side)
    (workspace.build / FILE).write_bytes(content)
    gz2, efigi = workspace.catalogues()
    parts = workspace.split()
    rows = split.rows(parts.test, gz2)
    with progress() as bar:
        task = bar.add_task("test pictures", total=len(rows))
        pictures = np.stack([_decoded(gz2, row, candidate.side, lambda: bar.advance(task)) for row in rows])
    probability = predict(content, pictures)
    say("measuring latency")
    document = {
        "sha256": sha256(content),
        "candidate": {"name": candidate.name, "about": candidate.about, "side": candidate.side},
        "libraries": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "run": trained["run"],
        "choice": trained["choice"],
        "validation": trained["scores"],
        "data": describe(gz2, efigi, parts, survey=workspace.survey),
        "metrics": measure(probability, chosen, gz2, rows),
        "parity": parity(served, content, pictures[:PARITY_PICTURES]),
        "file": onnx_file.facts(content),
        "latency": timings(served, content, candidate.side, pictures, gz2.label[rows]),
    }
    write_json(workspace.results / EVALUATION, document)
    readme.fill(workspace.results)
    scores = document["metrics"]
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        print(f"{name}: {scores[name]['value']:.4f} ({scores[name]['low']:.4f} to {scores[name]['high']:.4f})")
    print(f"ECE: {scores['ece_before']:.4f} before temperature, {scores['ece_after']:.4f} after")
    print(f"latency p50: {document['latency']['one_thread']['p50']} ms")
    return OK


def predict(content: bytes, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, 8) probabilities of the exported file, one run a picture as in a request."""
    running = latency.session(content)
    outputs = [running.run([PROBABILITIES], {INPUT: picture[np.newaxis]})[0][0] for picture in pictures]
    return np.array(outputs, dtype=np.float64)


def measure(probability: NDArray[np.float64], chosen: Choice, gz2: Catalogue, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Everything that is reported of the test part."""
    truth = gz2.label[rows]
    predicted = probability.argmax(axis=1)
    table = metrics.confusion(truth, predicted)
    scores = metrics.summary(probability, truth)
    ece_after = scores.pop("ece")
    # The file holds the temperature; its inverse gives back what the network itself says.
    raw = probability**chosen.temperature
    raw /= raw.sum(axis=1, keepdims=True)
    sets = prediction_sets(probability.astype(np.float32), chosen.thresholds.astype(np.float32))
    covered = sets[np.arange(len(truth)), truth]
    return {
        "split": "test",
        **scores,
        "log_loss": round(float(-np.log(probability[np.arange(len(truth)), truth]).mean()), ROUNDED),
        "ece_before": metrics.ece(raw, truth),
        "ece_after": ece_after,
        "ece_of_a_perfectly_calibrated_model": metrics.ece_of_perfect(probability),
        "per_class": metrics.per_class(table),
        "confusion_matrix": table.tolist(),
        "reliability": calibration.listed(calibration.reliability(probability, truth)),
        "by_source": metrics.by_source(predicted, truth, [gz2.source[row] for row in rows]),
        "accuracy_reweighted_to_full_survey": metrics.reweighted_accuracy(table),
        "conformal": {
            "coverage": round(float(covered.mean()), ROUNDED),
            "mean_set_size": round(float(sets.sum(axis=1).mean()), ROUNDED),
            "coverage_by_class": {
                name: round(float(covered[truth == place].mean()), ROUNDED) for place, name in enumerate(NAMES)
            },
        },
    }


def parity(served: Served, content: bytes, pictures: NDArray[np.uint8]) -> dict[str, Any]:
    """The largest difference between PyTorch and the file, for each output, on real pictures."""
    running = latency.session(content)
    largest = dict.fromkeys(OUTPUTS, 0.0)
    with torch.inference_mode():
        for picture in pictures:
            reference = served(torch.from_numpy(picture[np.newaxis]))
            outputs = running.run(list(OUTPUTS), {INPUT: picture[np.newaxis]})
            for name, wanted, got in zip(OUTPUTS, reference, outputs, strict=True):
                largest[name] = max(largest[name], float(np.abs(wanted.numpy() - got).max()))
    return {
        "max_abs_difference": {name: float(f"{value:.3g}") for name, value in largest.items()},
        "pictures": len(pictures),
        "limit": PARITY_LIMIT,
    }


def timings(
    served: Served, content: bytes, side: int, pictures: NDArray[np.uint8], truth: NDArray[np.int64]
) -> dict[str, Any]:
    """One thread, two threads, batches, eight bits, session creation and the roofline, as measured here."""
    eight_bits = quantise.to_int8(content, pictures)
    probability = predict(eight_bits, pictures)
    batch_of_8 = onnx_file.export(served, side, batch=8)
    return {
        "with": "ONNX Runtime on a shared machine: best of 10 rounds of 30 runs with pauses, probabilities only",
        "one_thread": latency.milliseconds(content, side),
        "two_threads": latency.milliseconds(content, side, threads=2),
        "batch_of_8_per_picture": {
            name: round(value / 8, 3) for name, value in latency.milliseconds(batch_of_8, side, batch=8).items()
        },
        "int8": {
            **latency.milliseconds(eight_bits, side),
            "bytes": len(eight_bits),
            "accuracy": round(float((probability.argmax(axis=1) == truth).mean()), ROUNDED),
        },
        "session_creation": latency.creation(content),
        "roofline": latency.roofline(content, side),
    }


def _decoded(gz2: Catalogue, row: int, side: int, on_picture: object) -> NDArray[np.uint8]:
    picture = decode(gz2.files[row].read_bytes(), spec(side))
    if callable(on_picture):
        on_picture()
    return picture
