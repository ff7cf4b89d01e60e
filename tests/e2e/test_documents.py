"""The documents' commands, run against the started stack: their output is what the documents print.

`UPDATE_README=1` writes the output into them instead of comparing it.
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
# In this order: later ones speak of what earlier ones have dropped.
DOCUMENTS = ("README.md", "layers/skysort/drop/README.md", "functions/README.md", "layers/skysort_cli/README.md")
# What differs from one training to the next: its id, its version, the time that it took.
OF_A_TRAINING = re.compile(r"\b(?:pictures|star)-\d{8}-\d{6}-[0-9a-f]{6}\b|\b[0-9a-f]{12}\b|made in [\d.]+ s")
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
    """The output of commands, with the documents' addresses replaced by the stack's and `skysort` on the path."""
    launcher = tmp_path / "skysort"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    launcher.chmod(0o755)
    folders = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SKYSORT_MODELS_FOLDER": str(tmp_path / "models")}
    found = environment(tmp_path / "state", **folders)
    script = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    script = script.replace("http://127.0.0.1:8000", stack.api).replace("http://127.0.0.1:9000", stack.s3)
    command = ["bash", "-ec", script]
    return subprocess.run(command, cwd=ROOT, env=found, capture_output=True, text=True, check=True).stdout


def comparable(text: str) -> Any:
    """Output without what differs: times, a training's names, whether a cache knew, digits that processors round."""
    text = OF_A_TRAINING.sub("", text)
    text = re.sub(r"\d+\.\d{4,}", lambda found: f"{float(found[0]):.3f}", text)
    try:
        answer = json.loads(text)
    except ValueError:
        return re.sub(r"'cached': \w+", "", text.strip())
    answer.pop("timing_ms", None)
    for result in answer.get("results", []):
        result.pop("cached", None)
    return answer


def executed(text: str) -> list[str]:
    """The blocks of a document whose commands are run."""
    return [block for block in BLOCK.findall(text) if re.search(r"\b(curl|skysort)\b", split(block)[0])]


def test_every_command_prints_what_the_documents_say(stack: StartedStack, tmp_path: Path) -> None:
    for document in map(ROOT.joinpath, DOCUMENTS):
        text = document.read_text()
        blocks = executed(text)
        assert blocks
        for block in blocks:
            commands, printed = split(block)
            output = run(commands, stack, tmp_path)
            if os.environ.get("UPDATE_README"):
                text = text.replace(block, f"{commands}\n{output.rstrip()}\n")
            else:
                assert comparable(printed) == comparable(output), f"{document}: {commands}"
        if os.environ.get("UPDATE_README"):
            document.write_text(text)


def test_no_document_with_commands_is_left_out() -> None:
    folders = ("functions", "infra", "layers", "model_export", "tests", "events")
    found = {path for folder in folders for path in (ROOT / folder).rglob("*.md")} | set(ROOT.glob("*.md"))
    with_commands = {str(path.relative_to(ROOT)) for path in found if executed(path.read_text())}
    assert with_commands == set(DOCUMENTS)
