"""Where a sandbox's start goes: each import and each load of a function, in fresh interpreters."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
RUNS: Final = 15

PROGRAM: Final = """
import json, sys, time
began = time.perf_counter()
parts = {{}}
def part(name, step):
    started = time.perf_counter()
    value = step()
    parts[name] = (time.perf_counter() - started) * 1e3
    return value
def timed(name, owner, attribute):
    function = getattr(owner, attribute)
    setattr(owner, attribute, lambda *given: part(name, lambda: function(*given)))
def powertools():
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    import aws_lambda_powertools.event_handler.openapi.params
part("numpy", lambda: __import__("numpy"))
part("powertools and pydantic", powertools)
{library}
inside = sum(parts.values())
part("model, routes and the rest", lambda: __import__("app"))
total = (time.perf_counter() - began) * 1e3
# What was timed inside that step is named on its own.
parts["model, routes and the rest"] -= sum(parts.values()) - inside - parts["model, routes and the rest"]
import app
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
event = json.loads(sys.argv[1])
started = time.perf_counter()
assert app.handler(event, context)["statusCode"] == 200
first = (time.perf_counter() - started) * 1e3
# Not ru_maxrss: that has what the parent had before this program took its place.
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({{"parts": parts, "total": total, "first_call": first, "peak_mib": peak}}))
"""
XGBOOST: Final = """
def library():
    from skysort.star import booster
    booster.load_library()
part("libxgboost", library)
"""
ONNX_RUNTIME: Final = """
part("onnxruntime", lambda: __import__("onnxruntime"))
part("pillow", lambda: __import__("PIL.Image"))
from skysort.pictures import model
from skysort.pictures.classify import PictureClassifier
timed("session", model, "_session")
timed("first prediction", PictureClassifier, "self_test")
"""
# Each function's own library, and the event that it is called with first.
FUNCTIONS: Final = {
    "star": (XGBOOST, "star_row"),
    "galaxy": (ONNX_RUNTIME, "galaxy_jpeg"),
    "image": (ONNX_RUNTIME, "image_jpeg"),
}


def measure(python: str = sys.executable, runs: int = RUNS, function: str = "star") -> dict[str, Any]:
    """Medians over fresh interpreters, in ms (memory in MiB); the operating system's page cache is warm."""
    library, event = FUNCTIONS[function]
    body = (ROOT / "events" / f"{event}.json").read_text()
    environment = {"PYTHONPATH": f"{ROOT / 'functions' / function}:{ROOT / 'layers'}"}
    program = [python, "-c", PROGRAM.format(library=library), body]
    found = []
    for _ in range(runs + 1):
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    del found[0]  # it compiled the byte code
    parts = {name: _median(one["parts"][name] for one in found) for name in found[0]["parts"]}
    whole = {name: _median(one[name] for one in found) for name in ("total", "first_call", "peak_mib")}
    return {
        "parts_ms": parts,
        "init_ms": whole["total"],
        "first_call_ms": whole["first_call"],
        "peak_mib": whole["peak_mib"],
    }


def _median(values: Any) -> float:
    return round(float(statistics.median(values)), 2)
