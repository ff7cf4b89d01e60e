"""The function that plans, prices and finishes bulk jobs, as Step Functions invokes it."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from skysort.errors import ConfigurationError
from tests.conftest import ROOT
from tests.unit.functions.loading import STAGE, load_function
from tests.unit.functions.test_imports import OURS, POWERTOOLS, PROBED, PYDANTIC

CONTEXT: Any = SimpleNamespace(function_name="bulk", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
PROGRAM = """
import json, sys
import app
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
assert app.handler({"step": "ready"}, context) == {"ready": True}
print(json.dumps(sorted(sys.modules)))
"""


def test_it_says_that_it_is_ready() -> None:
    assert load_function("bulk", "app").handler({"step": "ready"}, CONTEXT) == {"ready": True}


def test_prices_of_the_setting_are_those_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSORT_PRICES", '{"region": "eu-central-1"}')
    assert load_function("bulk", "app").site.prices.region == "eu-central-1"
    monkeypatch.setenv("SKYSORT_PRICES", '{"gb_minute": 1}')
    with pytest.raises(ConfigurationError, match="there is no price 'gb_minute'"):
        load_function("bulk", "app")


def test_a_cold_start_reads_no_format_and_needs_no_boto3() -> None:
    environment = STAGE | {"PYTHONPATH": f"{ROOT / 'functions' / 'bulk'}:{ROOT / 'layers'}"}

    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    modules = [module for module in json.loads(done.stdout.splitlines()[-1]) if module not in PROBED]
    imported = {module.partition(".")[0] for module in modules} - {"__main__"}
    unexpected = imported - (OURS | POWERTOOLS | PYDANTIC) - sys.stdlib_module_names
    assert {name for name in unexpected if not name.startswith("_")} == set()
