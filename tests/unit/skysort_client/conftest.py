"""A client with a fake service behind it, whose pauses are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import skysort
from skysort_cli.client import RetryPolicy
from tests.fakes.service import URL, FakeService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeService:
    monkeypatch.setattr("skysort_client.client.RetryPolicy", lambda attempts: RetryPolicy(attempts, 0.001, 0.002))
    monkeypatch.setattr("skysort_cli.batches._FIRST_PAUSE_S", 0.001)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return FakeService()


@pytest.fixture
def client(service: FakeService) -> Iterator[skysort.Client]:
    with skysort.Client(URL, "secret", transport=service.transport) as client:
        yield client
