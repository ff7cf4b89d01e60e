"""``python -m model_export reliability``: add reliability curves of the published files to their cards.

The held-out part is classified by the published files. The model does not change, so its version stays; the accuracy
in the card must be reproduced, or nothing is written. A new evaluation writes the same curves itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import onnx_file
from model_export.common.cli import each_model, log, progress
from model_export.common.files import ROOT, artefact, data_folder, read_json, write_json
from model_export.galaxy import catalogue, split
from model_export.galaxy.data import spec
from model_export.image import data as photographs
from model_export.image import scores
from model_export.star import data
from skysort.errors import ConfigurationError
from skysort.learning import calibration
from skysort.model_card import CARD_FILE
from skysort.pictures.decode import InputSpec, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

TOLERANCE: Final = 1e-6  # cards have six digits

Keys = tuple[str, ...]
Curves = dict[Keys, tuple[float, dict[str, Any]]]


def star(folder: Path) -> Curves:
    """Both boosters on the test part, by the serving code; the photometric booster without redshifts."""
    from skysort.star.columns import Photometry  # noqa: PLC0415 - xgboost is not needed for the other models
    from skysort.star.model import WITH_REDSHIFT, StarModel  # noqa: PLC0415

    dataset = data.load(data.find(folder))
    test = dataset.take(data.split(dataset).test)
    model = StarModel.load(artefact("star"))
    curves: Curves = {}
    for name in model.card.document["variants"]:
        redshift = test.photometry.redshift if name == WITH_REDSHIFT else np.full(len(test), np.nan)
        answer = model.classify(Photometry(test.photometry.magnitudes, redshift))
        probability = answer.probabilities.astype(np.float64)
        curve = calibration.reliability(probability, test.labels).document()
        curves["variants", name, "metrics"] = _accuracy(probability, test.labels), {"reliability": curve}
    return curves


def galaxy(folder: Path) -> Curves:
    """The published file on the test pictures."""
    gz2 = catalogue.load_gz2(folder)
    rows = split.rows(split.load().test, gz2)
    card, running = _published("galaxy")
    geometry = spec(card["input"]["height"])
    with progress() as bar:
        paths = bar.track([gz2.files[row] for row in rows], description="galaxies")
        pictures = (decode(path.read_bytes(), geometry) for path in paths)
        probability, truth = onnx_file.probabilities(running, pictures).astype(np.float64), gz2.label[rows]
    curve = calibration.reliability(probability, truth).document()
    return {("metrics",): (_accuracy(probability, truth), {"reliability": curve})}


def image(folder: Path) -> Curves:
    """The published file on the held-out photographs."""
    held_out = photographs.select(photographs.find(folder), part=photographs.HELD_OUT)
    card, running = _published("image")
    with progress() as bar:
        on_each = partial(bar.advance, bar.add_task("photographs", total=2 * len(held_out)))
        pixels = photographs.pixels(held_out, InputSpec.from_card(card["input"]), on_each)
        probability, truth = onnx_file.probabilities(running, pixels, on_each), photographs.labels_of(held_out)
    return {
        ("metrics", "exported_file", name): (
            _accuracy(probability[rows], truth[rows]),
            scores.curves(probability[rows], truth[rows]),
        )
        for name, rows in photographs.groups(held_out).items()
    }


# Each model's measurement, its results file, and how many leading keys of the card's path the results omit.
MODELS: Final[dict[str, tuple[Callable[[Path], Curves], str, int]]] = {
    "star": (star, "evaluation.json", 0),
    "galaxy": (galaxy, "evaluation.json", 0),
    "image": (image, "export.json", 1),
}


def documents(model: str) -> tuple[Path, Path]:
    """The card and the results file that the curves of a model are written to."""
    return artefact(model) / CARD_FILE, ROOT / "model_export" / model / "results" / MODELS[model][1]


def main(arguments: list[str]) -> int:
    """Measure the named models, by default all; exit code 2 with a message for a user error."""
    return each_model("reliability", __doc__, arguments, MODELS, _measure)


def _measure(name: str) -> None:
    measure, _, below = MODELS[name]
    curves = measure(data_folder())
    card, results = documents(name)
    write(card, curves)
    write(results, {keys[below:]: measured for keys, measured in curves.items()})
    log(f"{name}: curves written to {card} and {results}")


def write(path: Path, curves: Curves) -> None:
    """Add curves to a JSON file; a ConfigurationError if its accuracy is not the measured accuracy."""
    document = read_json(path, "reliability")
    for keys, (accuracy, measured) in curves.items():
        entry = document
        for key in keys:
            entry = entry[key]
        reported = float((entry["accuracy"] if "accuracy" in entry else entry["top_1"])["value"])
        if abs(reported - accuracy) > TOLERANCE:
            raise ConfigurationError(
                f"{path} reports an accuracy of {reported}, but {accuracy:.6f} was measured: other data or file?"
            )
        entry.update(measured)
    write_json(path, document)


def _published(model: str) -> tuple[dict[str, Any], onnxruntime.InferenceSession]:
    card = read_json(artefact(model) / CARD_FILE, f"{model} export")
    return card, onnx_file.session((artefact(model) / card["file"]).read_bytes())


def _accuracy(probability: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> float:
    return float((probability.argmax(axis=1) == truth).mean())
