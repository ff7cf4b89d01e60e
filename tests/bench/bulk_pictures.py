"""Bulk on pictures beside the network alone: `OMP_NUM_THREADS=1 python -m tests.bench.bulk_pictures [--pictures N]`.

The galaxy cutouts of SKYSORT_DATA, repeated under other names and with other bytes, are classified in parts by one
process a core, each with one thread, as the function does them: files read, decoded and classified, results written
and committed. By turns with that, in the same rounds, the same processes do nothing but run the shipped network over
decoded cutouts, at the configuration that requests get. The share is bulk's pictures a second over the network's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.bulk.commit import Parts
from skysort.bulk.job_store import FolderJobStore
from skysort.bulk.part import PartSteps
from skysort.bulk.pictures.models import ShippedPictures
from skysort.bulk.pictures.split import split_pictures
from skysort.bulk.pictures.turned import TurnedModel
from skysort.bulk.store import FolderSources
from skysort.limits import BULK_PART_PICTURES
from skysort.pictures.decode import decode
from skysort.pictures.model import PROBABILITIES, PictureModel
from tests.bench.__main__ import machine
from tests.fakes.bulk import KEYS, event, planned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Barrier

    from skysort.bulk.manifest import PartItem

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path(os.environ.get("SKYSORT_DATA") or ROOT.parent / "shared" / "data")
MODEL: Final = ROOT / "functions" / "galaxy" / "model"
RESULT: Final = Path(__file__).with_name("results") / "bulk_pictures.json"
PICTURES: Final = 20_000
# Cutouts that are kept decoded for the network alone, and seconds that it runs in a round.
_DECODED, _NETWORK_S = 200, 6.0
_MEMORY_MB: Final = 1_769


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--result", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skysort-bench-") as folder:
        load_before = os.getloadavg()[0]
        found = measure(Path(folder), cutouts(), arguments.pictures, arguments.processes)
    document = {
        "machine": machine(),
        "load_average": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        **found,
    }
    arguments.result.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in document.items() if name != "rounds"}, indent=1))


def cutouts() -> list[Path]:
    """The files of the survey's cutouts."""
    found = sorted((DATA / "galaxy" / "images").glob("*.webp"))
    if not found:
        raise SystemExit(f"{DATA} has no galaxy cutouts; SKYSORT_DATA names the folder that has galaxy/images")
    return found


def measure(folder: Path, files: Sequence[Path], pictures: int, processes: int) -> dict[str, Any]:
    """Write the pictures and the job, do its parts in processes, and compare with the network alone."""
    repeat(folder / "sources", files, pictures)
    items = plan(folder, pictures)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(processes), context.Queue()
    # A round is a part for each process.
    rounds = len(items) // processes
    workers = [
        context.Process(
            target=work,
            args=(folder, items[rank : rounds * processes : processes], files[:_DECODED], barrier, answers),
        )
        for rank in range(processes)
    ]
    for worker in workers:
        worker.start()
    told = [_answer(answers, workers) for _ in range(rounds * processes)]
    for worker in workers:
        worker.join()
    counted = list((folder / "results" / KEYS.done_prefix).iterdir())
    if len(counted) != rounds * processes:
        raise SystemExit(f"{len(counted)} parts were committed, not {rounds * processes}")
    by_round = [[answer for answer in told if answer["round"] == number] for number in range(rounds)]
    return summary(by_round, processes)


def _answer(answers: Any, workers: Sequence[SpawnProcess]) -> Any:
    """The next answer; raises SystemExit where a worker ended without its own."""
    while True:
        with suppress(Empty):
            return answers.get(timeout=1)
        if any(worker.exitcode for worker in workers):
            for worker in workers:
                worker.terminate()
            raise SystemExit("a process ended before its parts were done")


def repeat(folder: Path, files: Sequence[Path], pictures: int) -> None:
    """The cutouts under other names, each with a chunk of its own, which decoders skip, so that no two are alike."""
    folder.mkdir()
    contents = [file.read_bytes() for file in files]
    for number, content in zip(range(pictures), cycle(contents), strict=False):
        body = content[8:] + b"note" + (8).to_bytes(4, "little") + number.to_bytes(8, "little")
        (folder / f"{number:07}.webp").write_bytes(content[:4] + len(body).to_bytes(4, "little") + body)


def plan(folder: Path, pictures: int) -> list[PartItem]:
    """Slices and parts of the pictures, by the planner's own reader of listings."""
    sources, store = FolderSources(folder / "sources"), FolderJobStore(folder / "results")
    slices = [part for obj in sources.list("") for part in split_pictures(sources, obj)]
    whole = [slices[start : start + BULK_PART_PICTURES] for start in range(0, pictures, BULK_PART_PICTURES)]
    items = planned(store, whole, model="galaxy", source={"prefix": "incoming/"})
    steps(folder).run(event("probe"))
    return items


def steps(folder: Path) -> PartSteps:
    """The function's steps over a folder."""
    sources, store = FolderSources(folder / "sources"), FolderJobStore(folder / "results")
    return PartSteps(Parts(store, sources, ShippedPictures(TurnedModel.load(MODEL), _MEMORY_MB, 1)), handler="")


def work(folder: Path, items: Sequence[PartItem], files: Sequence[Path], barrier: Barrier, answers: Any) -> None:
    """In a process of its own: by turns the network alone, and a part."""
    own, network = steps(folder), PictureModel.load(MODEL)
    shown = cycle([decode(file.read_bytes(), network.spec)[np.newaxis] for file in files])
    for number, item in enumerate(items):
        barrier.wait()
        alone = _timed(_network(network, shown))
        barrier.wait()
        bulk = _timed(_part(own, item))
        answers.put({"round": number, "network": alone, "bulk": bulk})


def _network(network: PictureModel, shown: Iterator[Any]) -> Iterator[int]:
    ends = time.perf_counter() + _NETWORK_S
    while time.perf_counter() < ends:
        network.run(next(shown), [PROBABILITIES])
        yield 1


def _part(own: PartSteps, item: PartItem) -> Iterator[int]:
    own.run(event("part", item))
    yield item.rows or 0


def _timed(counted: Iterator[int]) -> dict[str, float]:
    """Pictures, seconds, and seconds of a processor, its threads' included."""
    started, processor = time.perf_counter(), time.process_time()
    pictures = sum(counted)
    return {
        "pictures": pictures,
        "seconds": round(time.perf_counter() - started, 3),
        "processor_seconds": round(time.process_time() - processor, 3),
    }


def summary(rounds: Sequence[Sequence[dict[str, Any]]], processes: int) -> dict[str, Any]:
    """Pictures a second of all processes, and the median of the rounds' shares, on the clock and of processors."""
    told = [answer for answers in rounds for answer in answers]

    def rate(answers: Sequence[dict[str, Any]], what: str, seconds: str) -> float:
        pictures = sum(answer[what]["pictures"] for answer in answers)
        return float(processes * pictures / sum(answer[what][seconds] for answer in answers))

    found: dict[str, Any] = {"pictures": sum(answer["bulk"]["pictures"] for answer in told), "processes": processes}
    for seconds in ("seconds", "processor_seconds"):
        shares = [rate(answers, "bulk", seconds) / rate(answers, "network", seconds) for answers in rounds]
        network, bulk = (rate(told, what, seconds) for what in ("network", "bulk"))
        found[seconds] = {
            "network_per_s": round(network, 1),
            "bulk_per_s": round(bulk, 1),
            "share": round(bulk / network, 4),
            "share_of_rounds": round(statistics.median(shares), 4),
        }
    return {**found, "rounds": [list(answers) for answers in rounds]}


if __name__ == "__main__":
    main()
