"""One stack for all end-to-end tests, started as `make run` starts it; its S3 and SQS are moto's server."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.local.running_stack import StartedStack, started_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

# `make test` names the environment that `make run` uses; without it the tests' own has the same packages.
RUN_PYTHON = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)


@pytest.fixture(scope="session")
def stack() -> Iterator[StartedStack]:
    with started_stack("--redelivery", "1", python=RUN_PYTHON) as started:
        yield started


@pytest.fixture(scope="session")
def api(stack: StartedStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api, timeout=30) as client:
        yield client
