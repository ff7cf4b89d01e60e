"""Trainings on tables of stars, from the table to a live model, as JSON on standard output.

    python tests/bench/star_training.py > tests/bench/results/star_training.json

The steps run in this process, one after the other, with the documents in memory. "cpu_seconds" is the processor time
of this process, which does not depend on what else the machine does. The tables are SDSS17 (SKYSORT_DATA): drawn to
20,000 rows, and whole; and 20,000 rows with other bands, an extra column and two classes of one's own. Held out is a
fifth of every class, by a hash of the row; the built-in model's card is beside it, with its own fifth.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "layers")]

from skysort.cache import AnswerCache  # noqa: E402
from skysort.registry.keys import TrainingKeys  # noqa: E402
from skysort.registry.names import Kind  # noqa: E402
from skysort.registry.pointer import Pointers  # noqa: E402
from skysort.registry.versions import VersionFiles  # noqa: E402
from skysort.star.body import JSON, read_body  # noqa: E402
from skysort.star.trained import TrainedStars  # noqa: E402
from skysort.trainings.request import Training  # noqa: E402
from skysort.trainings.star import StarSteps  # noqa: E402
from skysort.trainings.status import StatusFile  # noqa: E402
from skysort.trainings.steps import Steps  # noqa: E402
from tests.conftest import DATA  # noqa: E402
from tests.fakes.model_store import MemoryModelStore, live_version  # noqa: E402

TABLE = DATA / "star" / "sdss17.csv.gz"
KEY = "incoming/training/bench/table.csv"
STEPS = ("read", "fit", "evaluate", "publish")
ROW = {"u": 23.87882, "g": 22.2753, "r": 20.39501, "i": 19.16573, "z": 18.79371, "redshift": 0.6347936}
PREDICTIONS = 300


@dataclass
class Bench:
    """The drop bucket and the models bucket, in memory."""

    threads: int
    uploads: MemoryModelStore = field(default_factory=MemoryModelStore)
    models: MemoryModelStore = field(default_factory=MemoryModelStore)

    def train(self, name: str, body: bytes, row: dict[str, float], **options: Any) -> dict[str, Any]:
        """Train, ask once, and say how long it took and how good it is."""
        self.uploads.objects[KEY] = body
        keys = TrainingKeys("shared", f"star-20261128-0900{len(self.models.objects) % 100:02}-abcdef")
        created, live = "2026-11-28T09:00:00Z", live_version(self.models, name)
        request = Training(keys.id, keys.owner, Kind.STAR, name, created, {"s3_key": KEY}, options, live)
        self.models.put(keys.request, request.to_json())
        steps = Steps(self.models, [StarSteps(self.uploads, self.threads)])
        seconds, cpu = {}, {}
        for step in STEPS:
            began, spent = time.perf_counter(), time.process_time()
            steps.run({"key": keys.request, "step": step})
            seconds[step] = round(time.perf_counter() - began, 2)
            cpu[step] = round(time.process_time() - spent, 2)
        live = Pointers(self.models).read(keys.owner, name).live or ""
        card = VersionFiles(self.models).card(keys.owner, name, live)
        served = self._served(name, row)
        status = StatusFile(self.models, keys).read()
        return {
            "rows": card["training_data"]["used"],
            "classes": card["training_data"]["classes"],
            "columns": list(card["input"]["columns"]),
            "seconds": {**seconds, "total": round(sum(seconds.values()), 2)},
            "cpu_seconds": {**cpu, "total": round(sum(cpu.values()), 2)},
            "bytes": card["bytes"],
            "held_out": card["metrics"]["examples"],
            "metrics": {
                name: card["metrics"][name]
                for name in ("accuracy", "balanced_accuracy", "macro_f1", "ece", "ece_uncalibrated", "coverage")
            },
            "variants": {
                name: {
                    "accuracy": variant["metrics"]["accuracy"],
                    "rounds": variant["parameters"]["rounds"],
                    "features": len(variant["features"]),
                }
                for name, variant in card["variants"].items()
            },
            "learning_curve": card["learning_curve"],
            "forecast": card["forecast"],
            "promoted": status["promoted"],
            **served,
        }

    def _served(self, name: str, row: dict[str, float]) -> dict[str, Any]:
        """One answer, and the least and the median time of one."""
        model = TrainedStars(None, AnswerCache(0), store=self.models).get("shared", name)
        body = json.dumps(row).encode()
        times = []
        for _ in range(PREDICTIONS):
            began = time.perf_counter()
            answer = model.answer(read_body(body, JSON, model.schema), {})
            times.append(time.perf_counter() - began)
        times.sort()
        result: Any = answer["results"][0]
        milliseconds = {"least": times[0], "median": times[len(times) // 2]}
        return {
            "answer": {**result["predictions"][0], "typicality": result["typicality"]},
            "answer_ms": {name: round(value * 1e3, 3) for name, value in milliseconds.items()},
        }


def own(body: bytes, rows: int) -> bytes:
    """Four bands, a colour as an extra column, and two classes of one's own: compact or not."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["g", "r", "i", "z", "u_minus_g", "kind"])
    for number, row in enumerate(csv.DictReader(io.StringIO(body.decode()))):
        if number == rows:
            break
        bands = [float(row[band]) for band in "griz"]
        writer.writerow([*bands, round(float(row["u"]) - bands[0], 5), "B" if row["class"] == "GALAXY" else "A"])
    return out.getvalue().encode()


def first(body: bytes, rows: int) -> bytes:
    """The header and the first rows."""
    return b"\n".join(body.split(b"\n", rows + 1)[: rows + 1]) + b"\n"


def main() -> None:
    """Measure, and print."""
    body = gzip.decompress(TABLE.read_bytes())
    threads = os.cpu_count() or 1
    bench = Bench(threads)
    card = json.loads((ROOT / "functions" / "star" / "model" / "card.json").read_bytes())
    document = {
        "command": "python tests/bench/star_training.py",
        "threads": threads,
        "load_average_before": round(os.getloadavg()[0], 1),
        "trainings": {
            "20,000 rows of SDSS17": bench.train("sdss-small", first(body, 20_000), ROW),
            "all of SDSS17": bench.train("sdss", body, ROW),
            "griz, a colour, two classes": bench.train(
                "own",
                own(body, 20_000),
                {"g": 22.2753, "r": 20.39501, "i": 19.16573, "z": 18.79371, "u_minus_g": 1.60352},
                class_column="kind",
                bands=["g", "r", "i", "z"],
                columns={"u_minus_g": "u_minus_g"},
            ),
        },
        "built_in": {
            "version": card["version"],
            "rows": card["variants"]["with_redshift"]["metrics"]["rows"],
            "variants": {name: variant["metrics"]["accuracy"] for name, variant in card["variants"].items()},
        },
        "load_average_after": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
