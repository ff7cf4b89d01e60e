"""The function that does the parts of bulk jobs on tables, as Step Functions invokes it."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from skysort.bulk.part import Parts, PartSteps
from tests.conftest import ROOT
from tests.fakes.bulk import KEYS, LinesEngines, MemoryJobStore, MemorySources, event, lines_slices, planned
from tests.unit.functions.loading import STAGE, load_function
from tests.unit.functions.test_imports import OURS, POWERTOOLS, PROBED, PYDANTIC

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

CONTEXT: Any = SimpleNamespace(
    function_name="star-bulk",
    memory_limit_in_mb=1,
    invoked_function_arn="a",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000,
)
PROGRAM = """
import json, sys
import bulk
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000)
assert bulk.handler({"step": "ready"}, context) == {"ready": True}
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def function(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    return load_function("star", "bulk")


def test_it_says_that_it_is_ready(function: ModuleType) -> None:
    assert function.handler({"step": "ready"}, CONTEXT) == {"ready": True}


def test_it_does_parts_with_the_time_of_the_invocation(function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    store, sources = MemoryJobStore(), MemorySources()
    sources.objects["incoming/star/b/lines.txt"] = b"a\nb\n"
    (item,) = planned(store, [lines_slices(sources, "incoming/star/b/lines.txt", b"a\nb\n", 2)])
    monkeypatch.setattr(function, "steps", PartSteps(Parts(store, sources, LinesEngines()), handler=""))

    function.handler(event("probe"), CONTEXT)
    assert function.handler(event("part", item), CONTEXT) == {}

    assert KEYS.done(0) in store.objects


def test_a_cold_start_imports_what_parts_need_and_no_boto3(star_folder: Path) -> None:
    path = f"{ROOT / 'functions' / 'star'}:{ROOT / 'layers'}"
    environment = STAGE | {"PYTHONPATH": path, "SKYSORT_STAR_MODEL": str(star_folder)}

    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    modules = [module for module in json.loads(done.stdout.splitlines()[-1]) if module not in PROBED]
    imported = {module.partition(".")[0] for module in modules} - {"__main__", "bulk"}
    # The last two come with Arrow.
    allowed = OURS | POWERTOOLS | PYDANTIC | {"numpy", "pyarrow", "cloudpickle", "cython_runtime"}
    assert {name for name in imported - allowed - sys.stdlib_module_names if not name.startswith("_")} == set()
