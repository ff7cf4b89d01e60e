"""One stack for all tests of the contract, started as `make run` starts it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from infra.local.running_stack import StartedStack, started_stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack() -> Iterator[StartedStack]:
    with started_stack(python=os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)) as started:
        yield started
