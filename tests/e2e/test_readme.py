"""The README's commands, run against the started stack: their output is what the README prints.

`UPDATE_README=1` writes the output into the README instead of comparing it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest

from infra.local.started import ROOT, StartedStack

pytestmark = pytest.mark.end_to_end
README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def run(commands: list[str], stack: StartedStack) -> str:
    """The output of a block's commands, with the README's addresses replaced by the stack's."""
    script = "\n".join(command.removeprefix("$ ") for command in commands)
    script = script.replace("http://127.0.0.1:8000", stack.api).replace("http://127.0.0.1:9000", stack.s3)
    return subprocess.run(["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def comparable(text: str) -> Any:
    """Output without what differs from run to run."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text.strip()
    answer.pop("timing_ms", None)
    for result in answer.get("results", []):
        result.pop("cached", None)
    return answer


def test_every_command_prints_what_the_readme_says(stack: StartedStack) -> None:
    text = README.read_text()
    blocks = [block for block in BLOCK.findall(text) if "curl" in block]
    assert blocks
    for block in blocks:
        commands = [line for line in block.splitlines() if line.startswith("$ ")]
        printed = "\n".join(line for line in block.splitlines() if not line.startswith("$ "))
        output = run(commands, stack)
        if os.environ.get("UPDATE_README"):
            text = text.replace(block, "\n".join([*commands, output.rstrip(), ""]))
        else:
            assert comparable(printed) == comparable(output)
    README.write_text(text)
