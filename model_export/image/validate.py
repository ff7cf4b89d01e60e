"""``validate``: the published file on photographs of ImageNet's validation set.

Nothing was trained, chosen or fitted by these photographs. They have been cut to squares, so that the choice of the
crop plays no part.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.cli import OK, log, progress
from model_export.common.files import artefact, read_json, versions, write_json
from model_export.common.readme import interval
from model_export.image import data, readme
from model_export.image.data import VALIDATED, Workspace
from skysort.learning import metrics
from skysort.learning.calibration import calibration_error
from skysort.model_card import CARD_FILE
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from model_export.image.data import Photograph

BATCH: Final = 16
SPLIT: Final = f"{data.VALIDATION}: photographs of ImageNet's validation set; none trained, chosen or fitted anything"
REPLICATES: Final = 1_000
# Packages on which these figures depend; nothing here is trained.
LIBRARIES: Final = ("numpy", "onnxruntime", "pillow")


def run(options: argparse.Namespace) -> int:
    """Write results/validation.json and its table in README.md."""
    workspace = Workspace.of(options)
    photographs = data.find_validation(workspace.data)
    model = PictureModel.load(artefact("image"), options.threads)
    with progress() as bar:
        task = bar.add_task(data.VALIDATION, total=len(photographs))
        probability, sets = predicted(model, photographs, partial(bar.advance, task))
    record = {
        "version": model.card.version,
        "photographs_sha256": data.digest(photographs),
        **scores(probability, sets, data.labels_of(photographs)),
        "libraries": versions(LIBRARIES),
    }
    write_json(workspace.results / VALIDATED, record)
    readme.PAGE.fill(workspace.results)
    if workspace.results == readme.PAGE.results:
        figures = {key: value for key, value in record.items() if key not in {"version", "libraries"}}
        complete_card({"imagenet_validation": {"split": SPLIT, **figures}}, of="metrics")
    log(f"top-1 {interval(record['top_1'])}, coverage of the sets {interval(record['conformal_coverage'])}")
    return OK


def complete_card(entry: dict[str, Any], of: str | None = None) -> None:
    """Add what was measured of the published file to its card, at the top or in one of its entries."""
    path = artefact("image") / CARD_FILE
    card = read_json(path, "image export")
    (card[of] if of else card).update(entry)
    write_json(path, card)


def predicted(
    model: PictureModel, photographs: Sequence[Photograph], on_batch: Callable[[int], object] = lambda _: None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, 1000) probabilities and prediction sets, as in the service."""
    parts = []
    for start in range(0, len(photographs), BATCH):
        chosen = photographs[start : start + BATCH]
        answer = model.predict(data.pixels(chosen, model.spec))
        parts.append((answer.probabilities, answer.prediction_sets))
        on_batch(len(chosen))
    probability, sets = (np.concatenate(part) for part in zip(*parts, strict=True))
    return probability, sets


def scores(probability: NDArray[np.float32], sets: NDArray[np.bool_], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Accuracy, log loss, calibration error, and coverage of the (n, 1000) prediction sets, with intervals."""
    own = probability[np.arange(len(truth)), truth].astype(np.float64)
    sizes = sets.sum(axis=1)
    chosen = np.random.default_rng(metrics.VALUES_SEED).integers(0, len(truth), size=(REPLICATES, len(truth)))
    drawn = [calibration_error(probability[rows], truth[rows]) for rows in chosen]
    return {
        **metrics.top_1_and_5(probability, truth),
        "log_loss": metrics.with_interval(-np.log(np.maximum(own, np.finfo(np.float32).tiny))),
        "ece": metrics.interval(calibration_error(probability, truth), drawn),
        "conformal_coverage": metrics.with_interval(sets[np.arange(len(truth)), truth]),
        "set_size": {**metrics.with_interval(sizes), "median": float(np.median(sizes))},
        "single": metrics.with_interval(sizes == 1),
        "empty": metrics.with_interval(sizes == 0),
    }
