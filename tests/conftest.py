"""What every test may use: survey data, engine, browser, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SKYSORT_DATA", ROOT.parent / "shared" / "data"))


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def _browser() -> str | None:
    return os.environ.get("SKYSORT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


# What a test may need beyond Python: the marker, whether this machine has it, how to get it.
NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "needs_data": (DATA.is_dir, f"the survey data: {DATA} is not a folder; set SKYSORT_DATA"),
    "needs_engine": (_engine_answers, "a Docker engine that answers `docker info`"),
    "needs_registry": (
        lambda: shutil.which("docker-registry") is not None,
        "docker-registry on the path, the registry of images (on Debian: apt-get install docker-registry)",
    ),
    "needs_browser": (lambda: _browser() is not None, "Chromium on the path, or SKYSORT_CHROMIUM naming it"),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, in one line each, what needs something that a laptop lacks; in CI its absence is a failure."""
    for marker, (present, how) in NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing or present():
            continue
        if os.environ.get("CI"):
            raise pytest.UsageError(f"CI needs {how}")
        config.get_terminal_writer().line(f"left out {len(needing)} tests that need {how}")
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    path = _browser()
    assert path is not None, "mark tests that use this needs_browser"
    return path


@pytest.fixture(scope="session")
def survey_data() -> Path:
    """The folder with the real data (SKYSORT_DATA)."""
    return DATA
