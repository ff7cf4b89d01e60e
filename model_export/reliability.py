"""``python -m model_export reliability``: how far the published files' probabilities can be trusted, into their cards.

The held-out part goes through the files as they serve. Nothing of a model changes, so its version stays; the
figures that the card has already must come out again, or nothing is written. A new evaluation brings the same
curves by itself: the functions of_* are what `evaluate` and `export` call.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import calibration
from model_export.common.cli import OK, guarded, progress, say
from model_export.common.files import read_json, write_json
from model_export.galaxy import catalogue, split
from model_export.galaxy import workspace as galaxy_files
from model_export.galaxy.contract import INPUT, PROBABILITIES, spec
from model_export.galaxy.latency import session
from model_export.image import labels, photographs
from model_export.image import workspace as image_files
from model_export.settings import Settings
from model_export.star import data
from model_export.star import split as star_split
from model_export.star import workspace as star_files
from skysort.card import CARD_FILE
from skysort.errors import ConfigurationError
from skysort.pictures.decode import InputSpec, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

# A confusion matrix of more classes than these is no longer readable.
MOST_CLASSES: Final = 20
RESULTS: Final = "results"
TOLERANCE: Final = 1e-6  # cards have six digits

Where = tuple[str, ...]
Found = dict[Where, tuple[float, dict[str, Any]]]


def of_photographs(probability: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Reliability, and for a set of few classes what each was taken for; "other" is any class that is not in the set.

    probability: (n, 1000), truth: (n,) class numbers.
    """
    curve = calibration.listed(calibration.reliability(probability.astype(np.float64), truth))
    present = np.unique(truth)
    if len(present) > MOST_CLASSES:
        return {"reliability": curve}
    names = labels.load().names
    column = {int(label): place for place, label in enumerate(present)}
    table = np.zeros((len(present), len(present) + 1), dtype=np.int64)
    for true, given in zip(truth, probability.argmax(axis=1), strict=True):
        table[column[int(true)], column.get(int(given), len(present))] += 1
    shown = {"rows": [names[label] for label in present], "columns": [*(names[label] for label in present), "other"]}
    return {"reliability": curve, "confusion": {**shown, "counts": table.tolist()}}


def star(settings: Settings) -> Found:
    """Both boosters on the test part, by the code that serves; the photometric one without redshifts."""
    from skysort.star.columns import Photometry  # noqa: PLC0415 - xgboost is not needed for the other models
    from skysort.star.model import WITH_REDSHIFT, StarModel  # noqa: PLC0415

    dataset = data.load(data.find(settings.data))
    test = dataset.take(star_split.split(dataset).test)
    model = StarModel.load(star_files.ARTEFACT)
    found: Found = {}
    for name in model.card.document["variants"]:
        redshift = test.photometry.redshift if name == WITH_REDSHIFT else np.full(len(test), np.nan)
        answer = model.classify(Photometry(test.photometry.magnitudes, redshift))
        probability = answer.probabilities.astype(np.float64)
        curve = calibration.listed(calibration.reliability(probability, test.labels))
        found["variants", name, "metrics"] = _accuracy(probability, test.labels), {"reliability": curve}
    return found


def galaxy(settings: Settings) -> Found:
    """The test pictures through the published file."""
    gz2 = catalogue.load_gz2(settings.data)
    rows = split.rows(split.load().test, gz2)
    card = read_json(galaxy_files.ARTEFACT / CARD_FILE, "galaxy export")
    running = session((galaxy_files.ARTEFACT / card["file"]).read_bytes())
    geometry = spec(card["input"]["height"])
    with progress() as bar:
        task = bar.add_task("galaxies", total=len(rows))
        outputs = []
        for row in rows:
            picture = decode(gz2.files[row].read_bytes(), geometry)
            outputs.append(running.run([PROBABILITIES], {INPUT: picture[np.newaxis]})[0][0])
            bar.advance(task)
    probability, truth = np.array(outputs, dtype=np.float64), gz2.label[rows]
    curve = calibration.listed(calibration.reliability(probability, truth))
    return {("metrics",): (_accuracy(probability, truth), {"reliability": curve})}


def image(settings: Settings) -> Found:
    """The held-out photographs through the published file."""
    held = photographs.chosen(photographs.find(settings.data, labels.load()), part=photographs.HELD_OUT)
    card = read_json(image_files.ARTEFACT / CARD_FILE, "image export")
    running = session((image_files.ARTEFACT / card["file"]).read_bytes())
    with progress() as bar:
        task = bar.add_task("photographs", total=2 * len(held))
        pixels = photographs.pixels(held, InputSpec.from_card(card["input"]), lambda: bar.advance(task))
        outputs = []
        for picture in pixels:
            outputs.append(running.run([PROBABILITIES], {INPUT: picture[np.newaxis]})[0][0])
            bar.advance(task)
    probability, truth = np.array(outputs), photographs.labels_of(held)
    return {
        ("metrics", "exported_file", name): (
            _accuracy(probability[rows], truth[rows]),
            of_photographs(probability[rows], truth[rows]),
        )
        for name, rows in photographs.groups(held).items()
    }


# Each model's measurement, its folder, its committed results, and what the card's path is below there.
MODELS: Final[dict[str, tuple[Callable[[Settings], Found], Path, Path, Callable[[Where], Where]]]] = {
    "star": (star, star_files.ARTEFACT, star_files.PACKAGE / "results" / "evaluation.json", lambda where: where),
    "galaxy": (
        galaxy,
        galaxy_files.ARTEFACT,
        galaxy_files.PACKAGE / "results" / "evaluation.json",
        lambda where: where,
    ),
    "image": (image, image_files.ARTEFACT, image_files.PACKAGE / "results" / "export.json", lambda where: where[1:]),
}


def main(arguments: list[str]) -> int:
    """Measure the named models, all by default; exit code 2 with a sentence for an error of the user's."""
    parser = argparse.ArgumentParser(prog="python -m model_export reliability", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} (default all)")
    names = parser.parse_args(arguments).models or list(MODELS)
    return guarded(lambda: _run(names))


def _run(names: list[str]) -> int:
    for name in names:
        if name not in MODELS:
            raise ConfigurationError(f"there is no model {name!r}; there is {', '.join(MODELS)}")
        measure, folder, results, below = MODELS[name]
        found = measure(Settings.from_environment())
        write(folder / CARD_FILE, found)
        write(results, {below(where): result for where, result in found.items()})
        say(f"{name}: curves written to {folder / CARD_FILE} and {results}")
    return OK


def write(path: Path, found: Found) -> None:
    """Put curves into a document; a ConfigurationError where its accuracy is not the one that was found."""
    document = read_json(path, "reliability")
    for where, (accuracy, curves) in found.items():
        place = document
        for name in where:
            place = place[name]
        told = float((place["accuracy"] if "accuracy" in place else place["top_1"])["value"])
        if abs(told - accuracy) > TOLERANCE:
            raise ConfigurationError(
                f"{path} says an accuracy of {told}, here it is {accuracy:.6f}: other data or file?"
            )
        place.update(curves)
    write_json(path, document)


def _accuracy(probability: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> float:
    return float((probability.argmax(axis=1) == truth).mean())
