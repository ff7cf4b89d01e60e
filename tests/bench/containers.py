"""Cold start by part, first and warm call and memory of each function's container, at one core.

    python -m tests.bench.containers [--runs N]

The images have to stand (`make images`); the results go into tests/bench/results/containers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT
from infra.containers import docker, tag
from infra.stages.deployments import prod
from tests.bench import init_time
from tests.container.emulated import SETTINGS, Emulated

if TYPE_CHECKING:
    from collections.abc import Iterable

RESULTS: Final = Path(__file__).with_name("results") / "containers.json"
RUNS: Final = 9
WARM_CALLS: Final = 20
# Each function's first event and, for warm calls, the same again: from the cache where the function has one.
EVENTS: Final = {"star": "star_row", "galaxy": "galaxy_jpeg", "image": "image_jpeg", "control": "models"}
# Warm calls shall compute.
UNCACHED: Final = {**SETTINGS, "SKYSORT_CACHE_ENTRIES": "0"}


def measure(function: str, runs: int = RUNS) -> dict[str, Any]:
    """Medians over fresh containers, in ms and bytes, the first left out: it warms the machine's file cache."""
    event = json.loads((ROOT / "events" / f"{EVENTS[function]}.json").read_text(encoding="utf-8"))
    found = [_once(function, event) for _ in range(runs + 1)][1:]
    if function not in init_time.FUNCTIONS:
        return dict(_medians(found))
    parts = [_parts(function, event) for _ in range(runs + 1)][1:]
    return {**_medians(found), "parts_ms": _medians(parts)}


def _medians(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]}


def _once(function: str, event: Any) -> dict[str, float]:
    with Emulated(function, UNCACHED) as container:
        before = container.processor_ms()
        answer, first = container.call(event)
        processor = container.processor_ms() - before
        if answer.get("statusCode") != 200:
            raise SystemExit(f"{function} answered {answer}")
        warm = statistics.median(container.call(event)[1] for _ in range(WARM_CALLS))
        start = container.start_up()
        return {
            **start,
            # The start and the first call in time of the one core; the wall's time is longer on a busy machine.
            "processor_ms": processor,
            # The emulator starts the function with the first call.
            "first_call_ms": first - start["init_ms"],
            "warm_call_ms": warm,
            **container.peak_memory(),
        }


def _parts(function: str, event: Any) -> dict[str, float]:
    """Where the imports' time goes, by the program that measures it outside of containers, too."""
    settings = prod().functions[function]
    library, _ = init_time.FUNCTIONS[function]
    limits = ("--read-only", "--tmpfs=/tmp", "--network=none", "--cpus=1", f"--memory={settings.memory_mb}m")
    environment = [f"--env={name}={value}" for name, value in UNCACHED.items()]
    program = init_time.PROGRAM.format(library=library)
    command = ("--entrypoint=python3", tag(settings.image), "-c", program, json.dumps(event))
    printed = docker("run", "--rm", *limits, *environment, *command)
    parts: dict[str, float] = json.loads(printed.splitlines()[-1])["parts"]
    return parts


def _machine() -> dict[str, Any]:
    engine = json.loads(docker("version", "--format", "{{json .Server}}"))
    return {"cpus": os.cpu_count(), "arch": platform.machine(), "engine": engine["Version"], "load": os.getloadavg()[0]}


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure every function, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.containers", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="starts of each function")
    parser.add_argument("--into", type=Path, default=RESULTS, help="file of the results")
    chosen = parser.parse_args(list(arguments) if arguments is not None else None)
    measured: dict[str, Any] = {"machine": _machine(), "functions": {}}
    for function in EVENTS:
        measured["functions"][function] = found = measure(function, chosen.runs)
        print(function, json.dumps(found), flush=True)
    chosen.into.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
