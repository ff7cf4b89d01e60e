"""Seconds from POST /v1/trainings to the first answer of the model, on a started stack, with real pictures.

    python -m tests.bench.training            # keeps results/training.json

Nothing is warm: the sandboxes that train and classify start for the first training, as a newcomer's do.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import numpy as np

from infra.local.running_stack import started_stack
from tests.bench.__main__ import RESULTS, machine
from tests.conftest import DATA
from tests.e2e.training import Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

PICTURES: Final = 500
SIDE: Final = 1_024
MATRIX_S: Final = 1.0


def photographs() -> dict[str, bytes]:
    """Ten classes of Imagenette, fifty of each."""
    folders = sorted(path for path in (DATA / "image" / "imagenette160").iterdir() if path.is_dir())
    each = PICTURES // len(folders)
    return {
        f"{folder.name}/{file.name}": file.read_bytes()
        for folder in folders
        for file in sorted(folder.iterdir())[: each + 1]
    }


def galaxies() -> dict[str, bytes]:
    """Five classes of Galaxy Zoo 2, a hundred of each."""
    by_class: dict[str, list[str]] = defaultdict(list)
    with (DATA / "galaxy" / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["exact"] == "True":
                by_class[row["label8"]].append(row["file"])
    largest = sorted(by_class, key=lambda name: -len(by_class[name]))[:5]
    each = PICTURES // len(largest)
    return {
        f"{name}/{Path(file).name}": (DATA / "galaxy" / file).read_bytes()
        for name in largest
        for file in by_class[name][: each + 1]
    }


def gflops() -> float:
    """Single-precision products of square matrices, in 10^9 operations a second, on all cores."""
    matrix = np.random.default_rng(1).random((SIDE, SIDE), np.float32)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < MATRIX_S:
        matrix @ matrix
        done += 1
    return round(2 * SIDE**3 * done / (time.perf_counter() - began) / 1e9, 1)


def cpu_seconds(state: Mapping[str, Any]) -> float:
    """Processor time of the sandboxes that trained and answered, their start included (proc(5): fields 14 to 17)."""
    pids = [pid for name in ("custom", "custom-train") for pid in state["sandboxes"][name]]
    fields = [Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in pids]
    return round(sum(int(ticks) for each in fields for ticks in each[11:15]) / os.sysconf("SC_CLK_TCK"), 2)


def measure(name: str, files: Mapping[str, bytes], python: str) -> dict[str, Any]:
    """Train on all files but the last of each class, and classify one of those."""
    last = {file.partition("/")[0]: file for file in files}
    used = {file: content for file, content in files.items() if file not in last.values()}
    (held_back, *_) = last.values()
    with started_stack(python=python) as stack, httpx.Client(base_url=stack.api, timeout=60) as api:
        trainer = Trainer(api)
        trainer.upload(name, used)
        before = os.getloadavg()[0]
        began = time.monotonic()
        answer = trainer.start(name, {"batch": name})
        training = trainer.wait(answer.json()["id"])
        trained = time.monotonic()
        found = trainer.classify(name, files[held_back])
        served = time.monotonic()
        used_s = cpu_seconds(json.loads((stack.state / "state.json").read_text()))
        head = trainer.api.get(training["links"]["card"]).json()["files"]["head.npz"]["bytes"]
    assert training["version"].startswith(found["model"]["version"])
    return {
        "pictures": len(used),
        "classes": len(last),
        "bytes": sum(map(len, used.values())),
        "trained_s": round(trained - began, 2),
        "first_answer_s": round(served - trained, 2),
        "served_s": round(served - began, 2),
        "cpu_s": used_s,
        "seconds": {phase: round(seconds, 2) for phase, seconds in training["seconds"].items()},
        "accuracy": training["metrics"]["accuracy"],
        "head_bytes": head,
        "load_before": round(before, 2),
    }


def main() -> None:
    """Measure both sets, print and keep the results."""
    python = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
    found: dict[str, Any] = {"machine": {**machine(), "gflops": gflops()}}
    for name, files in (("galaxies", galaxies()), ("photographs", photographs())):
        found[name] = measure(name, files, python)
        print(name, json.dumps(found[name]), flush=True)
    (RESULTS / "training.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
