"""The functions that do the parts of bulk jobs on pictures, as Step Functions invokes them."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from skysort.errors import ConfigurationError
from tests.conftest import ROOT
from tests.factories_images import picture_artefact
from tests.unit.functions.loading import STAGE, load_function
from tests.unit.functions.test_imports import OURS, PICTURES, POWERTOOLS, PROBED, PYDANTIC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONTEXT: Any = SimpleNamespace(
    function_name="galaxy-bulk",
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
MODELS = ("galaxy", "image", "custom")


class FakeSteps:
    """Steps that say what they were asked for."""

    def run(self, event: Mapping[str, object], deadline: Any) -> dict[str, object]:
        return {"did": event["step"], "seconds": round(deadline.left())}


@pytest.mark.parametrize("name", MODELS)
def test_an_event_is_a_step_with_the_time_of_the_invocation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = load_function(name, "bulk")
    assert function.handler({"step": "ready"}, CONTEXT) == {"ready": True}
    monkeypatch.setattr(function, "steps", FakeSteps())
    assert function.handler({"step": "part", "key": "k"}, CONTEXT) == {"did": "part", "seconds": 54}


def test_models_that_people_trained_are_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSORT_MODELS_BUCKET", "")
    with pytest.raises(ConfigurationError, match="SKYSORT_MODELS_BUCKET must name the bucket"):
        load_function("custom", "bulk")


@pytest.mark.parametrize("name", MODELS)
def test_a_cold_start_imports_what_parts_need_and_no_boto3(name: str, tmp_path: Path) -> None:
    environment = STAGE | {"PYTHONPATH": f"{ROOT / 'functions' / name}:{ROOT / 'layers'}"}
    if name != "custom":
        environment[f"SKYSORT_{name.upper()}_MODEL"] = str(picture_artefact(tmp_path / name, name))

    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    modules = [module for module in json.loads(done.stdout.splitlines()[-1]) if module not in PROBED]
    imported = {module.partition(".")[0] for module in modules} - {"__main__", "bulk"}
    # The last two come with Arrow.
    allowed = OURS | POWERTOOLS | PYDANTIC | PICTURES | {"pyarrow", "cloudpickle", "cython_runtime"}
    assert {module for module in imported - allowed - sys.stdlib_module_names if not module.startswith("_")} == set()
    # Nor readers of files that did not come.
    assert not [module for module in modules if module.startswith(("skysort.pictures.fits", "skysort.star.tables"))]
