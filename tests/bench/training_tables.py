"""The README's tables of trainings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_YET: Final = "Not measured yet: run `python tests/bench/star_training.py`."
HEADER: Final = (
    *("table", "rows", "seconds", "of one core", "held out", "accuracy (95 %)", "with a redshift", "without"),
    *("ECE", "files", "one answer"),
)


def star_trainings(results: Path) -> str:
    """From a table to a live model: time, accuracy of each booster, and the built-in model beside them."""
    path = results / "star_training.json"
    if not path.is_file():
        return NOT_YET
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        [
            name,
            f"{found['rows']:,}",
            f"{found['seconds']['total']:.0f}",
            f"{found['cpu_seconds']['total']:.0f}",
            f"{found['held_out']:,}",
            _interval(found["metrics"]["accuracy"]),
            _variant(found["variants"], "with_redshift"),
            _variant(found["variants"], "photometry_only"),
            f"{found['metrics']['ece']:.3f}",
            f"{found['bytes'] / 1e6:.1f} MB",
            f"{found['answer_ms']['least']:.2f} ms",
        ]
        for name, found in document["trainings"].items()
    ]
    built_in = document["built_in"]
    shares = [f"{value['value']:.3f}" for value in built_in["variants"].values()]
    rows.append([f"built in, {built_in['version']}", "", "", "", f"{built_in['rows']:,}", "", *shares, "", "", ""])
    before, after = (round(document[f"load_average_{when}"]) for when in ("before", "after"))
    load = (
        f"{document['threads']} threads; the machine's load average was {before} before and {after} after; "
        '"of one core" is processor time.'
    )
    return f"{table(HEADER, rows)}\n\n{load}"


PICTURES_NOT_YET: Final = "Not measured yet: run `python -m tests.bench.training`."
PICTURES_HEADER: Final = (
    *("pictures", "classes", "request to answer", "features", "fit", "evaluation", "of one core"),
    *("accuracy (95 %)", "head"),
)


def picture_trainings(results: Path) -> str:
    """From the request to the first answer of the model, on a started stack."""
    path = results / "training.json"
    if not path.is_file():
        return PICTURES_NOT_YET
    document = json.loads(path.read_text(encoding="utf-8"))
    sets = {name: found for name, found in document.items() if name != "machine"}
    rows = [
        [
            f"{found['pictures']} {name}",
            str(found["classes"]),
            f"{found['served_s']:.1f} s",
            *(f"{found['seconds'][phase]:.1f} s" for phase in ("features", "fitting", "evaluating")),
            f"{found['cpu_s']:.1f} s",
            _interval(found["accuracy"]),
            f"{found['head_bytes'] / 1e3:.0f} kB",
        ]
        for name, found in sets.items()
    ]
    machine, load = document["machine"], max(found["load_before"] for found in sets.values())
    conditions = (
        f"{machine['cpus']} cores, which were giving {machine['gflops']:.0f} GFLOP/s in single precision beside other "
        f"work (load average {load:.0f})."
    )
    return f"{table(PICTURES_HEADER, rows)}\n\n{conditions}"


def _interval(score: Mapping[str, float]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _variant(variants: Mapping[str, Any], name: str) -> str:
    return f"{variants[name]['accuracy']['value']:.3f}" if name in variants else ""
