"""The images, built once a session; every test here that uses them needs an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from infra.api.routes import Match, Router
from infra.containers import IMAGES, build, docker
from tests.sample_events import READ_THE_BUCKET

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="session")
def images() -> Mapping[str, str]:
    """Every target's tag, built from this working tree."""
    return {target: build(target) for target in IMAGES}


def inspected(image: str) -> dict[str, Any]:
    """The engine's description of an image."""
    (document,) = json.loads(docker("image", "inspect", image))
    found: dict[str, Any] = document
    return found


def run(image: str, program: str, *options: str) -> str:
    """Run a Python program in an image, read-only and without network; what it printed."""
    limits = ("--rm", "--read-only", "--tmpfs=/tmp", "--network=none")
    return docker("run", *limits, *options, "--entrypoint=python3", image, "-c", program)


def api_events() -> dict[str, list[str]]:
    """The names of the API events in events/, by the function that API Gateway would give them to.

    Those that read the drop bucket are left to tests/deploy and tests/sam: there is no network here.
    """
    router, found = Router(), dict[str, list[str]]()
    for path in sorted((ROOT / "events").glob("*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if "httpMethod" in event and path.stem not in READ_THE_BUCKET:
            match = router.find(event["httpMethod"], event["path"])
            assert isinstance(match, Match), f"{path.name} leads nowhere"
            # What asks the buckets is proven where there are some.
            if match.route.path.startswith("/v1/batches"):
                continue
            found.setdefault(match.route.function, []).append(path.stem)
    return found
