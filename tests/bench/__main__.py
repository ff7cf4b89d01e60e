"""`make bench`: measure the service on this machine and write tests/bench/results.

Star's parts (init, http, table) go into star.json, those of the pictures (pictures, peer) into pictures.json.
The peer is compared with what the same run measured, so asking for peer asks for pictures too.
Times on a shared machine vary by a third between runs; compare figures of one run with each other.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any, Final

from infra.local.running_stack import started_stack
from tests.bench import http_latency, init_time, peers, pictures, table_end_to_end

RESULTS: Final = Path(__file__).with_name("results")
STAR_PARTS: Final = ("init", "http", "table")
PICTURE_PARTS: Final = ("pictures", "peer")
PARTS: Final = (*STAR_PARTS, *PICTURE_PARTS)


def main() -> None:
    """Measure the parts that were asked for, print them and keep them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure (default: everything)")
    parser.add_argument("--seconds", type=float, help="length of each HTTP load (default: star 10, pictures 4)")
    parser.add_argument("--rows", type=int, default=table_end_to_end.ROWS, help="rows of the dropped table")
    parser.add_argument("--runs", type=int, default=init_time.RUNS, help="starts of each function")
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder of the results")
    chosen = parser.parse_args()
    parts = set(chosen.parts or PARTS)
    if "peer" in parts:
        parts.add("pictures")
    python = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
    if parts & set(STAR_PARTS):
        _keep(chosen.into / "star.json", _star(parts, python, chosen))
    if parts & set(PICTURE_PARTS):
        path = chosen.into / "pictures.json"
        measured = _pictures(parts, python, chosen)
        _keep(path, measured)
        _refuse_failures(measured)


def _star(parts: set[str], python: str, chosen: argparse.Namespace) -> dict[str, Any]:
    measured: dict[str, Any] = {"machine": machine()}
    if "init" in parts:
        measured["init"] = _show("init", init_time.measure(python, chosen.runs))
    if "http" in parts or "table" in parts:
        with started_stack(python=python) as stack:
            measured["stack_start_s"] = round(stack.start_s, 2)
            if "http" in parts:
                records, billed = http_latency.measure(stack, chosen.seconds or http_latency.SECONDS)
                measured["http"], measured["billed_ms"] = _show("http", records), {"unique": billed}
            if "table" in parts:
                measured["table"] = _show("table", table_end_to_end.measure(stack, chosen.rows))
    return measured


def _pictures(parts: set[str], python: str, chosen: argparse.Namespace) -> dict[str, Any]:
    measured: dict[str, Any] = {"machine": machine()}
    seconds = chosen.seconds or pictures.SECONDS
    if "pictures" in parts:
        functions = tuple(pictures.PICTURES)
        measured["init"] = {name: init_time.measure(python, chosen.runs, name) for name in functions}
        _show("init of the picture functions", measured["init"])
        with started_stack(python=python) as stack:
            measured["pictures"] = _show("pictures", pictures.measure(stack, seconds))
    if "peer" in parts:
        measured["peer"] = _show("peer", peers.measure(seconds))
        ratios = peers.ratios(measured["pictures"], measured["peer"])
        measured["ratios"] = _show("times faster than the peer", ratios)
    return measured


def _refuse_failures(measured: dict[str, Any]) -> None:
    """Exit with a sentence where a request to a picture function failed otherwise than by 429."""
    for model, found in measured.get("pictures", {}).items():
        for record in (*found["http"], found["large"]):
            if record["failed"]:
                raise SystemExit(f"{model} at {record['users']} users: {record['failed']} requests failed, none may")


def _kept(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return kept


def _keep(path: Path, measured: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "pictures" in measured and "peer" not in measured:
        measured = {**measured, "peer": {}, "ratios": {}}  # another run's would not compare
    path.write_text(json.dumps({**_kept(path), **measured}, indent=2) + "\n")
    print(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def machine() -> dict[str, Any]:
    """What was measured on."""
    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "arch": platform.machine(),
        "python": platform.python_version(),
    }


def _show(name: str, result: Any) -> Any:
    print(f"== {name}", flush=True)
    for line in result if isinstance(result, list) else [result]:
        print(json.dumps(line))
    return result


if __name__ == "__main__":
    main()
