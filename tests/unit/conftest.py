"""Unit tests open no socket, and see no settings of this machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

from skysort.observability import metrics
from tests.factories import star_artefact
from tests.fakes.mixtures import with_domain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# How long an example takes says more of the machine's other work than of the code.
settings.register_profile("skysort", deadline=None)
settings.load_profile("skysort")


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("SKYSORT_", "AWS_", "POWERTOOLS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def own_metrics() -> Iterator[None]:
    """Metrics that no other test has counted."""
    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


@pytest.fixture(scope="session")
def star_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature star artefact, on a shelf of its own."""
    return star_artefact(tmp_path_factory.mktemp("shelf") / "star" / "model")


@pytest.fixture(scope="session")
def judging_folder(star_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with what says how typical rows and tables are."""
    copy = tmp_path_factory.mktemp("judging") / "star" / "model"
    shutil.copytree(star_folder, copy)
    return with_domain(copy)
