"""How good and how fast people's own picture classifiers are.

    OMP_NUM_THREADS=1 python -m tests.bench.custom && python -m tests.bench.readme

Features, choice, fit and evaluation are those of a training (skysort.custom.networks, skysort.learning), on the sets of
the data folder (SKYSORT_DATA). Networks have one thread; times are of the processor, on this machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.latency import peak_gigaflops
from skysort.custom.head import Head
from skysort.custom.networks import BLOCKS, NETWORKS, Networks, Recipe
from skysort.learning import chooser, curve, evaluation, folds, heads
from skysort.learning.calibration import probabilities
from skysort.learning.fitting import fit
from skysort.learning.metrics import with_interval
from skysort.learning.space import join
from skysort.trainings.features import RECIPE, SMALL_RECIPE, block_sets, by_block, of_picture, together
from tests.bench import active
from tests.bench.__main__ import RESULTS, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.learning.space import Space

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path(os.environ.get("SKYSORT_DATA", ROOT.parent / "shared" / "data"))
FILE: Final = RESULTS / "custom.json"
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
SEED: Final = 1
REPEATS: Final = 5
CHOSEN: Final = 3
EACH: Final = 20  # photographs of a class
DRAWS: Final = 2
CURVE: Final = (20, 50, 100, 200)
CURVE_PASSES: Final = 4
RANDOM: Final = "random"
ACTIVE: Final = "active"
ACTIVE_START: Final = 20
ACTIVE_END: Final = 200
ACTIVE_PASSES: Final = 4
ACTIVE_AXES: Final = 60  # widest coordinates, whose distances tell pictures apart
SPEED_RUNS: Final = 60


@dataclass(frozen=True, slots=True)
class Pictures:
    """A set with its features.

    names: of the classes. values: (n, views, d), the pictures and their mirror images, as in
    skysort.trainings.features. seconds: processor time for reading pictures and computing features.
    """

    files: Sequence[Path]
    names: Sequence[str]
    labels: NDArray[np.int64]
    values: NDArray[np.float32]
    seconds: float

    @property
    def blocks(self) -> dict[str, NDArray[np.float32]]:
        """(n, size) features by block."""
        return by_block(self.values[:, 0])

    def spaces(self, names: Sequence[str] | None = None) -> dict[tuple[str, ...], Space]:
        """The space of each set of blocks that a training tries; names: of some blocks alone."""
        blocks, mirrored = self.blocks, by_block(self.values[:, 1])
        return chooser.spaces(
            {name: blocks[name] for name in names or blocks}, mirrored, block_sets(names or [*blocks])
        )

    def part(self, rows: NDArray[Any]) -> Pictures:
        """Some of the pictures."""
        files = [self.files[row] for row in rows]
        return replace(self, files=files, labels=self.labels[rows], values=self.values[rows])


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.custom", description=__doc__)
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], help="what to measure (default: everything)")
    parser.add_argument("--into", type=Path, default=FILE, help="the file of the results, of which the rest is kept")
    chosen = parser.parse_args()
    into: Path = chosen.into
    galaxy, image = (ROOT / "functions" / name / "model" for name in ("galaxy", "image"))
    networks = Networks.load(galaxy, image)
    measured: dict[str, Any] = {
        "machine": {**machine(), "peak_gflops_one_thread": round(peak_gigaflops(), 1)},
        "blocks": list(RECIPE.blocks),
        "blocks_of_small_pictures": list(SMALL_RECIPE.blocks),
        "views": RECIPE.views.value,
    }
    for group in chosen.sets or SETS:
        for name, part in SETS[group](networks):
            print(name, json.dumps(part), flush=True)
            measured[name] = part
    into.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(into.read_text(encoding="utf-8")) if into.is_file() else {}
    into.write_text(json.dumps({**kept, **measured}, indent=1) + "\n", encoding="utf-8")


def dogs(networks: Networks) -> Iterator[tuple[str, Any]]:
    """Six breeds, three of them from 60 photographs, and the time of a prediction."""
    found = read(networks, "custom", "dog_breeds_64px")
    yield "dog_breeds", whole(found, repeats=REPEATS)
    yield "three_breeds", three_of_six(found)
    yield "speed", speed(networks, found)


def photographs(networks: Networks) -> Iterator[tuple[str, Any]]:
    """Three kinds of larger photographs from 60 of them: how much the size of the dogs' matters."""
    yield "three_kinds", three_of_six(read(networks, "image", "imagenette160", classes=6, each=80))


def vehicles(networks: Networks) -> Iterator[tuple[str, Any]]:
    """Four kinds of vehicles."""
    yield "vehicles", split(read(networks, "custom", "vehicles_32px"))


def rings(networks: Networks) -> Iterator[tuple[str, Any]]:
    """Galaxies with and without a ring."""
    found = read(networks, "custom", "galaxy_rings_256px")
    yield "rings", whole(found, repeats=REPEATS)
    yield "rings_by_network", by_network(found)
    yield "rings_curve", learning_curve(found)
    yield "rings_active", active_learning(found)


SETS: Final[Mapping[str, Callable[[Networks], Iterator[tuple[str, Any]]]]] = {
    "dogs": dogs,
    "photographs": photographs,
    "vehicles": vehicles,
    "rings": rings,
}


def read(networks: Networks, *folder: str, classes: int = 100, each: int = 1_000) -> Pictures:
    """Decode the first pictures of the first classes of a set and compute their features, picture after picture."""
    root = DATA.joinpath(*folder)
    by_class: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            by_class.setdefault(path.parent, []).append(path)
    files = [path for members in list(by_class.values())[:classes] for path in members[:each]]
    if not files:
        raise SystemExit(f"there are no pictures in {root}; set SKYSORT_DATA to the data folder")
    started = time.process_time()
    values = together([of_picture(path.read_bytes(), networks)[1] for path in files], views=2)
    seconds = time.process_time() - started
    names, labels = np.unique([path.parent.name for path in files], return_inverse=True)
    return Pictures(files, [str(each) for each in names], labels.astype(np.int64), values, seconds)


def whole(pictures: Pictures, repeats: int) -> dict[str, Any]:
    """A training on all of a set, and its out-of-fold scores."""
    trained, _ = training(pictures, np.arange(len(pictures.labels)))
    started = time.process_time()
    spaces = pictures.spaces()
    once = evaluation.evaluate(pictures.blocks, pictures.labels, names=pictures.names, seed=SEED, spaces=spaces)
    trained["evaluate_s"] = round(time.process_time() - started, 2)
    found = evaluation.predict(spaces, pictures.labels, seed=SEED, repeats=repeats)
    return {**trained, "forecast": once.forecast, **evaluation.scores(found, pictures.names)}


def training(pictures: Pictures, rows: NDArray[np.intp]) -> tuple[dict[str, Any], Head]:
    """Fit a head to some rows: what was chosen, seconds, bytes."""
    part = pictures.part(rows)
    started = time.process_time()
    fitted = fit(part.blocks, part.labels, SEED, part.spaces())
    seconds = time.process_time() - started
    head = Head.of(fitted, pictures.names, [file.name for file in part.files], part.labels)
    document = {
        "chosen": fitted.candidate.document(),
        "features_s": round(pictures.seconds * len(rows) / len(pictures.labels), 2),
        "fit_s": round(seconds, 2),
        "bytes": len(head.save()),
    }
    return document, head


def recognised(head: Head, pictures: Pictures, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n,) whether a head's first class is the true one."""
    part = pictures.part(rows)
    judged = head.judge(join(part.blocks, [name for name, _ in head.blocks]))
    return np.asarray(judged.probabilities.argmax(axis=1) == part.labels, dtype=np.float64)


def split(pictures: Pictures) -> dict[str, Any]:
    """A training on the part `train` of a set, and its accuracy on the part `test`."""
    part = np.array([path.parents[1].name for path in pictures.files])
    train, test = (np.flatnonzero(part == name) for name in ("train", "test"))
    trained, head = training(pictures, train)
    return {
        **trained,
        "examples": len(train),
        "held_out": len(test),
        "accuracy": with_interval(recognised(head, pictures, test)),
    }


def three_of_six(pictures: Pictures) -> dict[str, Any]:
    """Every choice of three classes, 20 photographs each, asked about the rest of theirs."""
    found: list[dict[str, Any]] = []
    values: list[float] = []
    for chosen in itertools.combinations(range(len(pictures.names)), CHOSEN):
        names = [pictures.names[label] for label in chosen]
        labels = np.searchsorted(chosen, pictures.labels).astype(np.int64)  # of the chosen ones alone are they right
        three = replace(pictures, names=names, labels=labels)
        accuracy = np.mean([_of_sixty(three, np.isin(pictures.labels, chosen), seed) for seed in range(DRAWS)])
        values.append(round(float(accuracy), 4))
        found.append({"classes": names, "accuracy": values[-1]})
    return {
        "photographs": CHOSEN * EACH,
        "choices": len(found),
        "accuracy": {"mean": round(float(np.mean(values)), 4), "least": min(values), "most": max(values)},
        "all": found,
    }


def _of_sixty(pictures: Pictures, chosen: NDArray[np.bool_], seed: int) -> float:
    """The accuracy on the other photographs of the chosen classes after a training on 20 of each."""
    draw = np.random.default_rng(seed)
    classes = [np.flatnonzero(chosen & (pictures.labels == label)) for label in range(CHOSEN)]
    train = np.sort(np.concatenate([draw.choice(members, EACH, replace=False) for members in classes]))
    rest = np.setdiff1d(np.flatnonzero(chosen), train)
    return float(recognised(training(pictures, train)[1], pictures, rest).mean())


def by_network(pictures: Pictures) -> dict[str, Any]:
    """Each network's features alone, and what the choice among all gains over them, paired by picture."""
    both = predictions(pictures, list(pictures.blocks)).right
    found = {}
    for name in NETWORKS:
        alone = predictions(pictures, [block for block in pictures.blocks if BLOCKS[block].network == name]).right
        found[name] = {"accuracy": with_interval(alone), "gain_of_both": with_interval(both - alone)}
    return found


def predictions(pictures: Pictures, names: Sequence[str]) -> evaluation.Predictions:
    """Out-of-fold results with some blocks."""
    return evaluation.predict(pictures.spaces(names), pictures.labels, seed=SEED, repeats=REPEATS)


def learning_curve(pictures: Pictures) -> list[dict[str, Any]]:
    """Accuracy by number of labels."""
    return curve.measure(pictures.spaces(), pictures.labels, seed=SEED, sizes=CURVE, passes=CURVE_PASSES).document()


def active_learning(pictures: Pictures) -> dict[str, Any]:
    """Labels asked for ten at a time where they help most, against as many at random, on the same held-out folds."""
    sizes = range(ACTIVE_START, ACTIVE_END + 1, active.ROUND)
    right = {way: np.zeros((len(sizes), len(pictures.labels))) for way in (RANDOM, ACTIVE)}
    spaces = pictures.spaces()
    for repeat in range(ACTIVE_PASSES):
        for number, (pool, held_out) in enumerate(folds.splits(pictures.labels, evaluation.FOLDS, SEED + repeat)):
            for way, counts in right.items():
                hits = _labelling(spaces, pictures.labels, pool, held_out, way=way, seed=SEED + 10 * repeat + number)
                counts[:, held_out] += np.stack(list(hits)) / ACTIVE_PASSES
    means = {way: counts.mean(axis=1) for way, counts in right.items()}
    reached = np.flatnonzero(means[ACTIVE] >= means[RANDOM][-1])
    return {
        "accuracy_of_200_random": with_interval(right[RANDOM][-1]),
        "labels_needed": int(sizes[reached[0]]) if len(reached) else None,
        "gain_at_as_many_labels": with_interval(right[ACTIVE][-1] - right[RANDOM][-1]),
        "curve": [
            {"labels": size, **{way: round(float(values[place]), 4) for way, values in means.items()}}
            for place, size in enumerate(sizes)
        ],
    }


def _labelling(
    spaces: Mapping[tuple[str, ...], Space],
    labels: NDArray[np.int64],
    pool: NDArray[np.intp],
    held_out: NDArray[np.intp],
    *,
    way: str,
    seed: int,
) -> Iterator[NDArray[np.bool_]]:
    """Which held-out pictures are recognised after each round of labels."""
    draw = np.random.default_rng(seed)
    labelled = pool[folds.subset(labels[pool], ACTIVE_START, seed)]
    while True:
        best = chooser.choose(spaces, labelled, labels, seed=SEED, wanted=3, kinds=(heads.LDA,)).best
        space = spaces[best.candidate.blocks]
        weights, bias = chooser.fit(space, labelled, labels, best.candidate)
        scores = space.coordinates @ weights + bias
        yield scores[held_out].argmax(axis=1) == labels[held_out]
        if len(labelled) >= ACTIVE_END:
            return
        rest = np.setdiff1d(pool, labelled)
        if way == RANDOM:
            new = draw.choice(len(rest), active.ROUND, replace=False)
        else:
            new = active.pick(probabilities(scores[rest], best.temperature), space.coordinates[rest, :ACTIVE_AXES])
        labelled = np.concatenate([labelled, rest[new]])


def speed(networks: Networks, pictures: Pictures) -> dict[str, float]:
    """Least milliseconds of a prediction, against both networks' own; one decoded picture, one thread."""
    _, head = training(pictures, np.arange(len(pictures.labels)))
    recipe = Recipe(tuple(name for name, _ in head.blocks), RECIPE.views)
    content = pictures.files[0].read_bytes()
    picture, shown = networks.read(content), networks.read(content, inputs=recipe.inputs)

    def ours() -> None:
        head.judge(networks.features(shown, recipe)[np.newaxis])

    def theirs() -> None:
        for name, model in networks.models.items():
            model.predict(picture.inputs[name].pixels[np.newaxis])

    least = {way.__name__: float("inf") for way in (ours, theirs)}
    for _ in range(SPEED_RUNS):
        for way in (ours, theirs):
            started = time.process_time()
            way()
            least[way.__name__] = min(least[way.__name__], time.process_time() - started)
    return {
        "custom_ms": round(1e3 * least["ours"], 2),
        "galaxy_and_image_ms": round(1e3 * least["theirs"], 2),
        "ratio": round(least["ours"] / least["theirs"], 3),
    }


if __name__ == "__main__":
    main()
