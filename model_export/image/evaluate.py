"""``evaluate``: scores on held-out photographs, temperature and conformal threshold."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.cli import OK, log, progress
from model_export.common.files import versions, write_json
from model_export.common.readme import interval
from model_export.image import data, networks, readme, scores, weights
from model_export.image.data import EVALUATIONS, HELD_OUT, LIBRARIES, SAMPLE, TUNING, Workspace, groups
from skysort.learning.calibration import COVERAGE, log_loss, log_probabilities, threshold
from skysort.learning.metrics import DIGITS, hits, top_1_and_5, with_interval
from skysort.pictures.geometry import FILTERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from model_export.image.data import Photograph
    from skysort.pictures.geometry import InputSpec

    Logits = NDArray[np.float32]

# The tuning half chooses the shorter side and the filter. The public network was evaluated at 256 pixels.
SIZES: Final = (224, 232, 240, 248, 256)
BEFORE: Final = data.spec(256)


def run(options: argparse.Namespace) -> int:
    """Write results/evaluation.json (base) or evaluation_tuned.json."""
    workspace = Workspace.of(options)
    base = weights.load(workspace, "base").network
    judged = weights.load(workspace, options.network).network if options.network != "base" else base
    photographs = data.find(workspace.data)
    tuning, held_out = data.select(photographs, SAMPLE, TUNING), data.select(photographs, part=HELD_OUT)
    with progress() as bar:
        candidates = [data.spec(size, with_filter) for size, with_filter in product(SIZES, FILTERS)]
        task = bar.add_task("crop and filter", total=len(candidates) * len(tuning))
        losses = {}
        for spec in candidates:
            logits = networks.logits(judged, data.pixels(tuning, spec), partial(bar.advance, task))
            losses[spec] = log_loss(logits, data.labels_of(tuning))
        chosen = min(losses, key=losses.__getitem__)
        task = bar.add_task("held-out photographs", total=3 * len(held_out))
        answers = {
            f"{name}, {_short(spec)}": networks.logits(
                network, data.pixels(held_out, spec), partial(bar.advance, task)
            )
            for name, network, spec in (
                ("published", base, BEFORE), ("published", base, chosen), (options.network, judged, chosen)
            )
        }  # fmt: skip
    *_, final = answers.values()
    record = {
        "network": options.network,
        "resize_shorter": chosen.resize_shorter,
        "filter": chosen.filter,
        "crop_log_loss_on_tuning_half": {_short(spec): round(loss, 6) for spec, loss in losses.items()},
        **calibration(held_out, final),
        "held_out": compare(held_out, answers),
        "libraries": versions(LIBRARIES),
    }
    write_json(workspace.results / EVALUATIONS[options.network], record)
    readme.PAGE.fill(workspace.results)
    for name, entry in record["held_out"].items():
        now, then = entry["after"]["top_1"], entry["before"]["top_1"]
        log(f"{name} ({entry['after']['rows']:,}): top-1 {interval(now)}, was {then['value']:.3f}")
    limit = record["conformal"]["threshold"]
    log(f"shorter side {_short(chosen)}, temperature {record['temperature']:.3f}, threshold {limit:.4f}")
    return OK


def _short(spec: InputSpec) -> str:
    return f"{spec.resize_shorter} {spec.filter}"


def calibration(held_out: Sequence[Photograph], logits: Logits) -> dict[str, Any]:
    """Temperature and threshold from the held-out half of the sample, which covers all kinds of classes."""
    rows = groups(held_out)[SAMPLE]
    truth = data.labels_of(held_out)[rows]
    temperature = scores.fit_temperature(logits[rows], truth)
    calibrated = np.exp(log_probabilities(logits[rows], temperature))
    split = f"{SAMPLE}, held-out half, ten folds"
    return {
        "temperature": temperature,
        "conformal": {
            "coverage": COVERAGE,
            "method": scores.METHOD,
            "threshold": round(threshold(scores.true_class_probabilities(calibrated, truth)), DIGITS),
            "photographs": int(rows.sum()),
        },
        "calibration_cross_fitted": {"split": split, **scores.cross_fitted(logits[rows], truth)},
    }


def compare(held_out: Sequence[Photograph], answers: Mapping[str, Logits]) -> dict[str, Any]:
    """Accuracy at each step on the same photographs, and paired differences, by group of photographs."""
    # answers: logits as published, with the chosen crop, and tuned, in this order; equal names are a single step.
    truth = data.labels_of(held_out)
    report = {}
    for group, rows in groups(held_out).items():
        right = [hits(logits[rows], truth[rows], 1).astype(np.int64) for logits in answers.values()]
        steps = {name: top_1_and_5(logits[rows], truth[rows]) for name, logits in answers.items()}
        first, *_, last = steps.values()
        report[group] = {
            "before": first,
            "after": last,
            "top_1_gain": with_interval(right[-1] - right[0]),
            "tuning_gain": with_interval(right[-1] - right[-2]),
            "steps": steps,
            "log_loss": {name: round(log_loss(logits[rows], truth[rows]), DIGITS) for name, logits in answers.items()},
        }
    return report
