"""What every test may use: the survey data, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SKYSORT_DATA", ROOT.parent / "shared" / "data"))


def pytest_report_header() -> str:
    return f"survey data: {DATA if DATA.is_dir() else 'absent, the tests that read it are left out'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs absent data on a laptop; in CI its absence is a failure."""
    if DATA.is_dir():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(f"CI needs the survey data, and {DATA} is not a folder; set SKYSORT_DATA")
    left_out = [item for item in items if item.get_closest_marker("needs_data")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def survey_data() -> Path:
    """The folder with the real data (SKYSORT_DATA)."""
    return DATA
