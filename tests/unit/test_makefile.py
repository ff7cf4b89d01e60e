"""The first `make run` of a clone, whose packages cannot be fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# A Python that makes environments of itself, and whose pip has no network.
PYTHON = """#!/bin/sh
case "$1 $2" in
    "-m venv") mkdir -p .venv/uv/bin && cp "$0" .venv/uv/bin/python ;;
    "-m pip") echo "ERROR: Could not find a version that satisfies the requirement uv" >&2; exit 1 ;;
esac
"""


def test_a_first_start_without_network_ends_with_a_sentence(tmp_path: Path) -> None:
    # Given
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    # When
    done = subprocess.run(
        ["make", "run", f"PYTHON={python}"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    # Then it says why, what it would need, and leaves nothing that the next start takes for done
    assert done.returncode != 0
    reason, sentence, *_ = done.stderr.splitlines()
    assert reason.startswith("ERROR: Could not find")
    assert sentence.startswith("skysort: the packages could not be installed; the reason is above.")
    assert "behind a mirror set UV_DEFAULT_INDEX and PIP_INDEX_URL, then run the same command again" in sentence
    assert not (tmp_path / ".venv" / "uv" / "bin" / "uv").exists()
