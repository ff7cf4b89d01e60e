"""One prediction of a trained picture model beside one of each shipped model: `python -m tests.bench.custom_latency`.

All of them classify the same file in this process, by turns, from bytes to answer, without a cache, in processor time
of one thread. The ratio is that of the trained model's time to the sum of the shipped models' times in the same round.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from skysort.custom.head import Head
from skysort.custom.model import CustomModel
from skysort.custom.networks import BLOCKS, GALAXY, IMAGE, SMALL_INPUTS, Networks, Views
from skysort.learning import fitting, space
from skysort.options import parse_options
from skysort.pictures.answering import PictureAnswers
from skysort.pictures.classify import ShippedJudge
from skysort.registry.live import ModelVersion
from skysort.trainings.features import RECIPE
from tests.bench.__main__ import machine
from tests.bench.pictures import large_photograph
from tests.factories_images import encode, render
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
RESULT: Final = Path(__file__).with_name("results") / "custom_latency.json"
ROUNDS: Final = 100
LIMIT: Final = 1.15


class Shape(NamedTuple):
    """A trained model's size, and its blocks of features: the most that are tried together."""

    classes: int
    pictures: int
    features: tuple[str, ...] = RECIPE.blocks


SHAPES: Final = (Shape(2, 300), Shape(100, 2_000))
# Of small pictures: they are enlarged and sharpened, and the image network is shown fewer pixels.
SMALL: Final = Shape(4, 200, tuple(name.replace(IMAGE, SMALL_INPUTS[0]) for name in RECIPE.blocks))


def main() -> None:
    """Measure, print and keep."""
    galaxy, image = (ROOT / "functions" / name / "model" for name in (GALAXY, IMAGE))
    networks = Networks.load(galaxy, image)
    files = {
        "a galaxy, 424 x 424": (ROOT / "events" / "galaxy_spiral.jpg").read_bytes(),
        "a photograph, 512 x 384": (ROOT / "events" / "traffic_light.jpg").read_bytes(),
        "a photograph of 12 megapixels": large_photograph(),
    }
    measured = {
        f"{shape.classes} classes, {shape.pictures} pictures": {
            name: compare(networks, shape, content) for name, content in files.items()
        }
        for shape in SHAPES
    }
    measured[f"{SMALL.classes} classes, {SMALL.pictures} small pictures"] = {
        "a picture, 32 x 32": compare(networks, SMALL, encode(render(32, 32)))
    }
    document = {
        "machine": machine(),
        "rounds": ROUNDS,
        "limit": LIMIT,
        "features": list(RECIPE.blocks),
        "features_of_small_pictures": list(SMALL.features),
        **measured,
    }
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))
    worst = max(entry["ratio"] for models in measured.values() for entry in models.values())
    if worst > LIMIT:
        raise SystemExit(f"a trained model takes {worst} times as long as both shipped ones, more than {LIMIT}")


def compare(networks: Networks, shape: Shape, content: bytes, rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds of each model, medians of the rounds, and the median of the rounds' ratios."""
    calls: dict[str, Callable[[], object]] = {
        name: _asked(ShippedJudge(model), content) for name, model in networks.models.items()
    }
    calls["trained"] = _asked(trained(networks, shape), content)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 5):
        for name, call in calls.items():
            started = time.thread_time()
            call()
            if number >= 5:
                times[name].append((time.thread_time() - started) * 1e3)
    ratios = [
        own / (one + other) for own, one, other in zip(times["trained"], times[GALAXY], times[IMAGE], strict=True)
    ]
    return {
        **{name: round(statistics.median(values), 3) for name, values in times.items()},
        "ratio": round(statistics.median(ratios), 3),
    }


def _asked(judge: Any, content: bytes) -> Callable[[], object]:
    answers, options = PictureAnswers(), parse_options({}, judge.labels)
    return lambda: answers.classify(judge, [content], options)


def trained(networks: Networks, shape: Shape) -> CustomModel:
    """A model of a size, with a head of the real kind on features drawn by chance: its size decides its time."""
    chance = np.random.default_rng(0)
    classes = np.arange(shape.pictures) % shape.classes
    blocks = {
        name: (chance.random((shape.pictures, BLOCKS[name].size)) + 0.2 * (classes[:, np.newaxis] == 0)).astype(
            np.float32
        )
        for name in shape.features
    }
    fit = fitting.fit(blocks, classes, 0, {shape.features: space.build(blocks, shape.features)})
    labels = [f"class {number}" for number in range(shape.classes)]
    head = Head.of(fit, labels, [f"{number}.jpg" for number in range(shape.pictures)], classes)
    version = ModelVersion(MemoryModelStore(), "shared", "measured", "0" * 64, {})
    return CustomModel(version, head, networks, Views.ONE)


if __name__ == "__main__":
    main()
