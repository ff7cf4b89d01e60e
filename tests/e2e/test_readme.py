"""The README's commands, run against the started stack: their output is what the README prints.

`UPDATE_README=1` writes the output into the README instead of comparing it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.running_stack import ROOT, StartedStack
from tests.e2e.command_line import COMMAND, environment

if TYPE_CHECKING:
    from pathlib import Path

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


def run(commands: str, stack: StartedStack, tmp_path: Path) -> str:
    """The output of commands, with the README's addresses replaced by the stack's and `skysort` on the path."""
    launcher = tmp_path / "skysort"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    launcher.chmod(0o755)
    found = environment(tmp_path / "state", PATH=f"{tmp_path}:{os.environ['PATH']}")
    script = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    script = script.replace("http://127.0.0.1:8000", stack.api).replace("http://127.0.0.1:9000", stack.s3)
    command = ["bash", "-ec", script]
    return subprocess.run(command, cwd=ROOT, env=found, capture_output=True, text=True, check=True).stdout


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


def test_every_command_prints_what_the_readme_says(stack: StartedStack, tmp_path: Path) -> None:
    text = README.read_text()
    blocks = [block for block in BLOCK.findall(text) if re.search(r"^\$ .*(curl|skysort)", block, re.MULTILINE)]
    assert blocks
    for block in blocks:
        commands, printed = split(block)
        output = run(commands, stack, tmp_path)
        if os.environ.get("UPDATE_README"):
            text = text.replace(block, f"{commands}\n{output.rstrip()}\n")
        else:
            assert comparable(printed) == comparable(output)
    if os.environ.get("UPDATE_README"):
        README.write_text(text)
