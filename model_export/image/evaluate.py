"""``evaluate``: the network on photographs that did not tune it, its temperature and its conformal threshold."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.image import checkpoint, inference, labels, photographs, readme, scores
from model_export.image.photographs import HELD_OUT, SAMPLE, TUNING, groups
from model_export.image.workspace import EVALUATIONS, Workspace, libraries
from skysort.pictures.geometry import FILTERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from model_export.image.photographs import Photograph
    from model_export.settings import Settings
    from skysort.pictures.geometry import InputSpec

    Logits = NDArray[np.float32]

# The tuning half chooses the shorter side and the filter. The public network was judged at 256 pixels.
SIZES: Final = (224, 232, 240, 248, 256)
BEFORE: Final = photographs.spec(256)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write results/evaluation.json (base) or evaluation_tuned.json."""
    workspace = Workspace.of(options, settings)
    base = checkpoint.load(workspace.network("base"), "weights")
    judged = checkpoint.load(workspace.network(options.network), "train") if options.network != "base" else base
    found = photographs.find(workspace.data, labels.load())
    tuning = photographs.chosen(found, SAMPLE, TUNING)
    with progress() as bar:
        candidates = [photographs.spec(size, with_filter) for size, with_filter in product(SIZES, FILTERS)]
        task = bar.add_task("crop and filter", total=len(candidates) * len(tuning))
        losses = {}
        for spec in candidates:
            pixels = photographs.pixels(tuning, spec)
            logits = inference.logits(judged.network, pixels, lambda done: bar.advance(task, done))
            losses[spec] = scores.log_loss(logits, photographs.labels_of(tuning))
        chosen = min(losses, key=losses.__getitem__)
        held = photographs.chosen(found, part=HELD_OUT)
        task = bar.add_task("held-out photographs", total=3 * len(held))
        answers = {
            f"published, {_short(BEFORE)}": _logits(base, held, BEFORE, lambda done: bar.advance(task, done)),
            f"published, {_short(chosen)}": _logits(base, held, chosen, lambda done: bar.advance(task, done)),
            f"{options.network}, {_short(chosen)}": _logits(judged, held, chosen, lambda done: bar.advance(task, done)),
        }
    *_, final = answers.values()
    record = {
        "network": options.network,
        "resize_shorter": chosen.resize_shorter,
        "filter": chosen.filter,
        "crop_log_loss_on_tuning_half": {_short(spec): round(loss, 6) for spec, loss in losses.items()},
        **calibration(held, final),
        "held_out": compare(held, list(answers), list(answers.values())),
        "libraries": libraries(),
    }
    write_json(workspace.results / EVALUATIONS[options.network], record)
    readme.fill(workspace.results)
    for name, entry in record["held_out"].items():
        now, then = entry["after"]["top_1"], entry["before"]["top_1"]
        interval = f"[{now['low']:.3f}, {now['high']:.3f}]"
        say(f"{name} ({entry['after']['rows']:,}): top-1 {now['value']:.3f} {interval}, was {then['value']:.3f}")
    threshold = record["conformal"]["threshold"]
    say(f"shorter side {_short(chosen)}, temperature {record['temperature']:.3f}, threshold {threshold:.4f}")
    return OK


def _logits(held: checkpoint.Checkpoint, chosen: Sequence[Photograph], spec: InputSpec, on_batch: Any) -> Logits:
    return inference.logits(held.network, photographs.pixels(chosen, spec), on_batch)


def _short(spec: InputSpec) -> str:
    return f"{spec.resize_shorter} {spec.filter}"


def calibration(held: Sequence[Photograph], logits: Logits) -> dict[str, Any]:
    """Temperature and threshold from the held-out half of the sample, which has every kind of class."""
    rows = groups(held)[SAMPLE]
    truth = photographs.labels_of(held)[rows]
    temperature = scores.fit_temperature(logits[rows], truth)
    calibrated = np.exp(scores.log_softmax(logits[rows], temperature))
    return {
        "temperature": temperature,
        "conformal": {
            "coverage": scores.COVERAGE,
            "method": scores.METHOD,
            "threshold": round(scores.conformal_threshold(calibrated, truth), scores.DIGITS),
            "photographs": int(rows.sum()),
        },
        "calibration_cross_fitted": {
            "split": f"{SAMPLE}, held-out half, ten folds",
            **scores.cross_fitted(logits[rows], truth),
        },
    }


def compare(held: Sequence[Photograph], names: Sequence[str], answers: Sequence[Logits]) -> dict[str, Any]:
    """Accuracy on the same photographs: as published, with the chosen crop, and tuned; and the paired differences.

    names, answers: one of each step, in this order. Each name states the network, the shorter side and the filter.
    """
    truth = photographs.labels_of(held)
    report = {}
    for group, rows in groups(held).items():
        right = [scores.hits(logits[rows], truth[rows], 1).astype(np.int64) for logits in answers]
        steps = [scores.accuracy(logits[rows], truth[rows]) for logits in answers]
        report[group] = {
            "before": steps[0],
            "after": steps[-1],
            "top_1_gain": scores.with_interval(right[-1] - right[0]),
            "tuning_gain": scores.with_interval(right[-1] - right[-2]),
            "steps": dict(zip(names, steps, strict=True)),
            "log_loss": {
                name: round(scores.log_loss(logits[rows], truth[rows]), scores.DIGITS)
                for name, logits in zip(names, answers, strict=True)
            },
        }
    return report
