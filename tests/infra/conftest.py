"""The synthesised stages, shared by every test here: a stage takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.commands import cdk
from tests.infra.synth import Synthesised, shared

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def synthesised() -> Callable[[str], Synthesised]:
    """Synthesises a stage by its name, once a session."""
    return shared


@pytest.fixture(scope="session", params=["dev", "prod"])
def stage(request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]) -> Synthesised:
    """Each stage in turn."""
    return synthesised(request.param)


@pytest.fixture(scope="session")
def dev(synthesised: Callable[[str], Synthesised]) -> Synthesised:
    """The dev stage."""
    return synthesised("dev")


@pytest.fixture(scope="session")
def prod(synthesised: Callable[[str], Synthesised]) -> Synthesised:
    """The prod stage."""
    return synthesised("prod")


@pytest.fixture(scope="session")
def validator() -> None:
    """What validates state machines is installed."""
    cdk.install()
