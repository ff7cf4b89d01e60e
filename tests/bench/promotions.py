"""Versions of a trained model change while the local stack is under load: `python -m tests.bench.promotions`.

Promotions and rollbacks by the API, each as soon as the one before is served by every sandbox; requests at a constant
rate, most with a picture that the cache of answers knows, one in twenty with one that is new. Writes
results/promotions.json; fails if a request failed, or a version did not answer in time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Final

import httpx

from infra.local.running_stack import started_stack
from tests.bench.__main__ import machine
from tests.e2e.promotions import Load, change_versions, publish, summary

RESULT: Final = Path(__file__).with_name("results") / "promotions.json"


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.promotions", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (default %(default)s)")
    parser.add_argument("--changes", type=int, default=20, help="promotions and rollbacks (default %(default)s)")
    chosen = parser.parse_args()
    with started_stack(python=os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)) as stack:
        versions = publish(stack)
        httpx.get(f"{stack.api}/v1/models/custom/ready", timeout=30).raise_for_status()
        with Load(stack.api, chosen.rate) as load:
            changes = change_versions(stack, load, versions, chosen.changes)
    measured = {"machine": machine(), "rate": chosen.rate, **summary(load, changes)}
    RESULT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(measured, indent=1))
    if measured["failed"]:
        raise SystemExit(f"{measured['failed']} requests failed")


if __name__ == "__main__":
    main()
