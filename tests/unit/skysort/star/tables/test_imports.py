"""The drop handler loads what a format needs when a table of that format first arrives."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = "import sys, skysort.drop.worker, skysort.star.tables.classifier; print(*sys.modules)"


def test_table_libraries_are_not_part_of_the_cold_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "layers"), "PATH": "/usr/bin"},
    )
    loaded = {module.partition(".")[0] for module in done.stdout.split()}
    assert "skysort" in loaded
    assert not loaded & {"astropy", "pyarrow", "pandas", "sklearn", "scipy", "xgboost"}
