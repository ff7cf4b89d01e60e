"""A short run of `python -m tests.fuzz`: always the same inputs, over every way in."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = 2_000


def test_every_harmed_input_is_answered_or_refused(tmp_path: Path) -> None:
    # When
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--inputs", str(INPUTS), "--seed", "17", "--keep", str(tmp_path)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    # Then nothing but answers and refusals came of them, in every way
    assert done.returncode == 0, done.stdout + done.stderr
    tried = {line[:17].strip(): line.split()[-4:] for line in done.stdout.splitlines() if " tried " in line}
    assert len(tried) == 10
    assert sum(int(count.replace(",", "")) for count, *_ in tried.values()) == INPUTS
    # And most refusals are of harmed inputs: the sound ones among them were answered
    assert all(refused != count for count, _, refused, _ in tried.values())
