"""Bulk jobs on this machine, by `skysort bulk --out`: rows a second, memory, and plans beside what was counted.

    OMP_NUM_THREADS=1 python -m tests.bench.bulk                # 10^8 rows, and three plans; keeps results/bulk.json
    OMP_NUM_THREADS=1 python -m tests.bench.bulk stars --rows 10000000

Beside the seconds stands the processor time, which other work on the machine changes least.
The survey and the results, some 11 GB, are in a temporary folder, which --folder may place on another disk.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.bench.__main__ import RESULTS, machine
from tests.bench.survey import BLOCK_ROWS, REJECTED_EVERY, columns, write_survey
from tests.conftest import DATA, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = RESULTS / "bulk.json"
PARTS: Final = ("stars", "plans")
ROWS: Final = 100_000_000
PLAN_ROWS: Final = 2_000_000
PLAN_PICTURES: Final = 2_000
WORKERS: Final = 2
_SIDE: Final = 1_024
_MATRIX_S: Final = 1.0
_SAMPLE_S: Final = 0.5
# The process's memory is shown at so many moments of the job, evenly spread.
_MOMENTS: Final = 10


def core_gflops() -> float:
    """Single-precision products of square matrices on all cores at once, in 10^9 operations a core's second."""
    with ProcessPoolExecutor(WORKERS) as pool:
        return round(min(pool.map(_gflops, range(WORKERS))), 1)


def _gflops(seed: int) -> float:
    matrix = np.random.default_rng(seed).random((_SIDE, _SIDE), np.float32)
    matrix @ matrix
    began, done = time.process_time(), 0
    while time.process_time() - began < _MATRIX_S:
        matrix @ matrix
        done += 1
    return 2 * _SIDE**3 * done / (time.process_time() - began) / 1e9


class Memory:
    """Resident memory of a process and of its children over time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: list[tuple[float, dict[int, int]]] = []
        self._began = time.monotonic()

    def sample(self) -> None:
        """Look at all processes."""
        found = {pid: _status(pid, "VmRSS") for pid in (self._pid, *_children(self._pid))}
        self._samples.append((time.monotonic() - self._began, {pid: kib for pid, kib in found.items() if kib}))

    def document(self) -> dict[str, Any]:
        """Peaks in MB of the command and of the largest of its processes: in all, and in each tenth of the time."""
        end = self._samples[-1][0]
        tenths: list[dict[str, float]] = []
        for moment in range(_MOMENTS):
            among = [kib for at, kib in self._samples if moment * end <= at * _MOMENTS <= (moment + 1) * end]
            tenths.append(self._peaks(among))
        return {**self._peaks([kib for _, kib in self._samples]), "tenths": tenths}

    def _peaks(self, samples: list[dict[int, int]]) -> dict[str, float]:
        command = max((kib.get(self._pid, 0) for kib in samples), default=0)
        worker = max((each for kib in samples for pid, each in kib.items() if pid != self._pid), default=0)
        return {"command_mb": round(command / 1024), "worker_mb": round(worker / 1024)}


def _status(pid: int, name: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    value = status.partition(f"{name}:")[2].split()
    return int(value[0]) if value else 0


def _children(pid: int) -> Iterator[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, found):
        yield child
        yield from _children(child)


class Done(NamedTuple):
    """A job that was done. seconds, cpu_s: of the whole command, and of all its processes together."""

    document: dict[str, Any]
    memory: dict[str, Any]
    seconds: float
    cpu_s: float


def job(model: str, *sources: Path, out: Path, workers: int = WORKERS) -> Done:
    """Do a job; exits if it fails."""
    python = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
    command = [python, "-m", "skysort_cli", "bulk", model, *map(str, sources), "--out", str(out), "--json", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers")}
    began, before_s = time.monotonic(), _cpu_of_children_s()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen([*command, "--workers", str(workers)], stdout=printed, env=environment)
        memory = Memory(process.pid)
        while process.poll() is None:
            memory.sample()
            time.sleep(_SAMPLE_S)
        printed.seek(0)
        document = json.loads(printed.read())
    if document["phase"] != "done":
        raise SystemExit(f"the job ended as {document['phase']}: {document['problem']}")
    return Done(document, memory.document(), time.monotonic() - began, _cpu_of_children_s() - before_s)


def _cpu_of_children_s() -> float:
    """Processor time of children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check(document: dict[str, Any], out: Path, rows: int) -> None:
    """Exit unless every row of a survey has been read once, and has a result or a reason."""
    counted = document["progress"]["rows"]
    rejected = rows // REJECTED_EVERY
    expected = {"total": rows, "in": rows, "out": rows - rejected, "rejected": rejected, "failed": 0}
    if counted != expected:
        raise SystemExit(f"counted {counted}, expected {expected}")
    total = 0
    for path in sorted(out.rglob("part-*.parquet")):
        total += pc.sum(pc.cast(pq.read_table(path, columns=["id"])["id"], pa.int64())).as_py()
    # Of all numbers from 1, without those of the rejected rows.
    if total != rows * (rows + 1) // 2 - REJECTED_EVERY * rejected * (rejected + 1) // 2:
        raise SystemExit("the results are not of the rows that were given")


def stars(folder: Path, rows: int, survey: Path | None) -> dict[str, Any]:
    """Classify a survey."""
    path, out = survey or folder / "survey.csv", folder / "out"
    if not path.exists():
        write_survey(path, rows)
    before, load = core_gflops(), os.getloadavg()[0]
    done = job("star", path, out=out)
    after = core_gflops()
    check(done.document, out, rows)
    progress = done.document["progress"]
    return {
        "rows": rows,
        "bytes": path.stat().st_size,
        "parts": done.document["plan"]["parts"],
        "seconds": round(done.seconds, 2),
        "parts_s": progress["seconds"],
        "cpu_s": round(done.cpu_s, 2),
        "rows_per_s": round(rows / done.seconds),
        "rows_per_core_s": round(rows / done.cpu_s),
        "gflops_a_core": [before, after],
        "load_before": round(load, 2),
        "workers": WORKERS,
        "memory": done.memory,
        "bytes_out": sum(path.stat().st_size for path in out.rglob("part-*.parquet")),
        "classes": progress["classes"],
    }


def plans(folder: Path) -> list[dict[str, Any]]:
    """Three jobs: what was expected of each, and what was counted."""
    return [_compared(name, model, path, folder / f"out-{name}") for name, model, path in _sources(folder)]


def _sources(folder: Path) -> Iterator[tuple[str, str, Path]]:
    survey = folder / "plan.csv"
    write_survey(survey, PLAN_ROWS, seed=18)
    yield "CSV of stars", "star", survey
    survey.unlink()
    yield "Parquet of stars", "star", parquet_survey(folder / "plan.parquet", PLAN_ROWS)
    yield "zip of galaxies", "galaxy", galaxies(folder / "galaxies.zip", PLAN_PICTURES)


def parquet_survey(path: Path, rows: int) -> Path:
    """A survey as a Parquet table."""
    writer = None
    for start in range(0, rows, BLOCK_ROWS):
        found = columns(start, min(BLOCK_ROWS, rows - start), seed=19)
        table = pa.table({name: np.ascontiguousarray(values) for name, values in found.items()})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=BLOCK_ROWS // 4)
    if writer is not None:
        writer.close()
    return path


def galaxies(path: Path, pictures: int) -> Path:
    """A zip of Galaxy Zoo 2 cutouts."""
    found = sorted((DATA / "galaxy").rglob("*.webp"))[:pictures]
    with zipfile.ZipFile(path, "w") as archive:
        for file in found:
            archive.write(file, file.name)
    return path


def _compared(name: str, model: str, path: Path, out: Path) -> dict[str, Any]:
    # What was written before is not written during the job.
    os.sync()
    load = os.getloadavg()[0]
    document = job(model, path, out=out).document
    plan, counted = document["plan"], document["progress"]
    return {
        "source": name,
        "bytes": plan["bytes"],
        "parts": plan["parts"],
        "rows": {"expected": plan["rows"], "counted": counted["rows"]["in"]},
        "seconds": {"expected": plan["seconds"], "counted": counted["seconds"]},
        "dollars": {"expected": plan["dollars"]["total"], "counted": counted["dollars"]},
        "load_before": round(load, 2),
    }


def main() -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bulk", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure (default: everything)")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the survey of stars")
    parser.add_argument("--survey", type=Path, help="its file, which is kept, and written unless it is there")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is")
    parser.add_argument("--into", type=Path, default=KEPT, help="file of the results")
    chosen = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: a process a core is measured")
    kept: dict[str, Any] = json.loads(chosen.into.read_text()) if chosen.into.is_file() else {}
    kept["machine"] = machine()
    with tempfile.TemporaryDirectory(dir=chosen.folder, prefix="skysort-bench-") as name:
        if "stars" in (chosen.parts or PARTS):
            kept["stars"] = stars(Path(name), chosen.rows, chosen.survey)
            print(json.dumps(kept["stars"]), flush=True)
    with tempfile.TemporaryDirectory(dir=chosen.folder, prefix="skysort-bench-") as name:
        if "plans" in (chosen.parts or PARTS):
            kept["plans"] = plans(Path(name))
            print(json.dumps(kept["plans"]), flush=True)
    chosen.into.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
