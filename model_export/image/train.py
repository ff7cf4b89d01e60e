"""``train``: fine-tune the public network by self-distillation on the tuning half of the photographs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from model_export.common import onnx_file
from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.image import checkpoint, distil, inference, labels, photographs, readme
from model_export.image.photographs import TUNING
from model_export.image.served import Served
from model_export.image.workspace import TRAINING, Workspace, libraries
from skysort.pictures.decode import InputSpec

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings

# Every fifth photograph of the tuning half teaches nothing and chooses the epoch.
UNSEEN: Final = 5


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/image/tuned.pt and results/training.json."""
    workspace = Workspace.of(options, settings)
    base = checkpoint.load(workspace.network("base"), "weights")
    given = {"epochs": options.epochs, "rate": options.rate}
    recipe = replace(distil.Recipe(), **{name: value for name, value in given.items() if value is not None})
    tuning = photographs.chosen(photographs.find(workspace.data, labels.load()), part=TUNING)
    # The same geometry as a request's, a little larger: room for crops.
    geometry = InputSpec(distil.FRAME, distil.FRAME, distil.FRAME, 1.0, "white")
    unseen = np.arange(len(tuning)) % UNSEEN == 0
    torch.manual_seed(recipe.seed)
    with progress() as bar:
        task = bar.add_task("decode", total=len(tuning))
        frames = photographs.pixels(tuning, geometry, lambda: bar.advance(task))
        task = bar.add_task("teacher", total=len(tuning))
        # As an exported file, which takes a third of the time.
        teacher = onnx_file.session(onnx_file.export(Served(base.network), photographs.SIDE))
        targets = distil.teach(
            lambda seen: inference.probabilities(teacher, seen),
            frames,
            recipe.batch,
            lambda done: bar.advance(task, done),
        )
        task = bar.add_task("student", total=recipe.epochs * int((~unseen).sum()))
        tuned = distil.tune(
            base.network, frames, targets, unseen, recipe,
            on_batch=lambda done: bar.advance(task, done),
            on_epoch=lambda epoch, far: say(f"epoch {epoch}: {far:.4f} nats from the teacher on unseen photographs"),
        )  # fmt: skip
    checkpoint.save(workspace.network("tuned"), checkpoint.Checkpoint(base.architecture, tuned.network, base.origin))
    record = {
        "seed": recipe.seed,
        "recipe": recipe.document(),
        "views_of_the_teacher": 2 * len(distil.VIEWS),
        "data": {
            "photographs": len(tuning),
            "by_source": {
                source: len(photographs.chosen(tuning, source))
                for source in (photographs.SAMPLE, photographs.IMAGENETTE)
            },
            "choosing_the_epoch": int(unseen.sum()),
            "sha256": photographs.digest(tuning),
        },
        "distance_to_teacher": [round(value, 6) for value in tuned.distances],
        "epoch": tuned.epoch,
        "libraries": libraries(),
    }
    write_json(workspace.results / TRAINING, record)
    readme.fill(workspace.results)
    first, kept = tuned.distances[0], tuned.distances[tuned.epoch]
    say(f"kept epoch {tuned.epoch} of {recipe.epochs}: {kept:.4f} nats from the teacher, began at {first:.4f}")
    return OK
