"""The base of the images: pinned by a command that asks a registry, written where every asset hash sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.containers import DOCKERFILE, base, recipe
from infra.containers.engine import ImageError

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "sha256:" + "0a" * 32, "sha256:" + "1b" * 32


class Registry:
    """In place of Docker: the digest that a registry has under any tag at present, and what was pulled."""

    def __init__(self, digest: str | None) -> None:
        self.digest = digest
        self.pulled: list[str] = []

    def docker(self, *arguments: str) -> str:
        """As infra.containers.engine.docker."""
        if self.digest is None:
            raise ImageError("docker pull failed:\nno route to host")
        self.pulled.append(arguments[-1])
        return f"3.13-slim: Pulling from library/python\nDigest: {self.digest}\nStatus: Downloaded newer image\n"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base.txt as it is before anybody could ask a registry; no setting of this machine."""
    path = tmp_path / "base.txt"
    path.write_text("python:3.13-slim\n")
    monkeypatch.delenv(base.BASE_IMAGE_SETTING, raising=False)
    return path


def test_a_base_is_pinned_and_bumped(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    registry = Registry(FIRST)
    monkeypatch.setattr(base, "docker", registry.docker)

    # When it is pinned, and once more after its publisher has moved the tag
    first = base.pin(base.locked(lock), lock)
    registry.digest = SECOND
    second = base.pin(base.locked(lock), lock)

    # Then the tag is asked for each time, and the digest is written
    assert (first, second) == (f"python:3.13-slim@{FIRST}", f"python:3.13-slim@{SECOND}")
    assert base.locked(lock) == second
    assert registry.pulled == ["python:3.13-slim"] * 2


def test_without_a_registry_the_base_stays(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "docker", Registry(None).docker)
    monkeypatch.setattr(base, "locked", lambda: lock.read_text().strip())
    with pytest.raises(SystemExit, match=r"the base stays python:3\.13-slim: docker pull failed"):
        base.main([])
    assert base.locked() == "python:3.13-slim"


def test_an_image_of_no_registry_has_no_digest(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "docker", lambda *_: "Status: Image is up to date\n")
    with pytest.raises(ImageError, match="printed no digest"):
        base.pin("skysort/base:3.13", lock)


@pytest.mark.usefixtures("lock")
def test_every_image_is_built_on_the_base_of_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "locked", lambda: f"python:3.13-slim@{FIRST}")
    assert recipe("star")[1]["BASE_IMAGE"] == f"python:3.13-slim@{FIRST}"


def test_the_lock_has_the_tag_of_the_dockerfile() -> None:
    """By hand, `docker build` takes the one; CDK and make take the other."""
    given = re.search(r"^ARG BASE_IMAGE=(\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert given is not None
    assert base.locked().partition("@")[0] == given[1]
