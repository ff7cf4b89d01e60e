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


def split(block: str) -> tuple[str, str]:
    """A block's commands (each with its continuation lines) and what stands below as their output."""
    lines = block.splitlines()
    is_command = [line.startswith("$ ") for line in lines]
    for at in range(1, len(lines)):
        is_command[at] |= is_command[at - 1] and lines[at - 1].endswith("\\")
    commands = [line for line, told in zip(lines, is_command, strict=True) if told]
    return "\n".join(commands), "\n".join(line for line, told in zip(lines, is_command, strict=True) if not told)


def run(commands: str, stack: StartedStack) -> str:
    """The output of commands, with the README's addresses replaced by the stack's."""
    script = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    script = script.replace("http://127.0.0.1:8000", stack.api).replace("http://127.0.0.1:9000", stack.s3)
    return subprocess.run(["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def comparable(text: str) -> Any:
    """Output without what differs: times, whether a cache knew the answer, digits that another processor rounds."""
    text = re.sub(r"\d+\.\d{4,}", lambda found: f"{float(found[0]):.3f}", text)
    try:
        answer = json.loads(text)
    except ValueError:
        return re.sub(r"'cached': \w+", "", text.strip())
    answer.pop("timing_ms", None)
    for result in answer.get("results", []):
        result.pop("cached", None)
    return answer


def test_every_command_prints_what_the_readme_says(stack: StartedStack) -> None:
    text = README.read_text()
    blocks = [block for block in BLOCK.findall(text) if "curl" in block]
    assert blocks
    for block in blocks:
        commands, printed = split(block)
        output = run(commands, stack)
        if os.environ.get("UPDATE_README"):
            text = text.replace(block, f"{commands}\n{output.rstrip()}\n")
        else:
            assert comparable(printed) == comparable(output)
    if os.environ.get("UPDATE_README"):
        README.write_text(text)
