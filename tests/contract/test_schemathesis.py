"""schemathesis finds nothing: every answer is as the document says, whatever is sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.running_stack import get

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "functions" / "control" / "openapi.json"
CONFIG = Path(__file__).with_name("schemathesis.toml")
# A seed, so that CI judges the code and not chance; each example count is for each of 33 calls.
SEED, EXAMPLES = 1, 10


def test_the_stack_keeps_its_contract(stack: StartedStack, tmp_path: Path) -> None:
    # Given the document, which the stack serves as well
    assert json.loads(get(f"{stack.api}/openapi.json")) == json.loads(DOCUMENT.read_bytes())
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(DOCUMENT), "--url", stack.api, "--checks", "all"),
        *("--seed", str(SEED), "--max-examples", str(EXAMPLES), "--generation-database", "none"),
        *("--continue-on-failure", "--warnings", "off", "--no-color"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}",
        "SCHEMATHESIS_HOOKS": "tests.contract.hooks",
    }
    # When every call is tried with examples, edges, random and wrong input, and in sequences
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    # Then no check has anything to say
    output = "\n".join(line[:500] for line in done.stdout.splitlines())
    assert done.returncode == 0, f"{output[-8_000:]}\n{done.stderr[-2_000:]}"
    assert "Tested: 33" in output
