"""The functions' container images: their base, the steps of their build, and what each weighs.

    python -m infra.containers [--record] [TARGET ...]

functions/Dockerfile describes them, CDK builds them when it deploys, `make images` builds them here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from infra import ROOT
from skysort import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKERFILE: Final = ROOT / "functions" / "Dockerfile"
# In the order of the file; galaxy-drop and image-drop run from galaxy and image.
TARGETS: Final = ("control", "star", "star-drop", "galaxy", "image")
# The base image to build on; without it the Dockerfile's own default, the public slim Python image.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"
DEFAULT_BASE: Final = "python:3.13-slim"
_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")


class ImageError(Exception):
    """An image cannot be built or read; the message says why and what to do."""


def tag(target: str) -> str:
    """The name that `make images` gives a target's image."""
    return f"skysort/{target}:latest"


def unpinned(environment: Mapping[str, str]) -> str | None:
    """What to say where a tag names the base, which its publisher may move; None where a digest does."""
    base = environment.get(BASE_IMAGE_SETTING) or DEFAULT_BASE
    if _DIGEST.fullmatch(base):
        return None
    return (
        f"the images are built on {base}, a tag that its publisher may move: what is built tomorrow may differ. To pin "
        f"it, set {BASE_IMAGE_SETTING} to what this prints:\n"
        f"  docker pull {base} && docker image inspect --format '{{{{index .RepoDigests 0}}}}' {base}\n"
    )


def docker(*arguments: str) -> str:
    """Run one docker command and return its output; raises ImageError with the end of its complaint."""
    program = shutil.which("docker")
    if program is None:
        raise ImageError("there is no docker on the path; container images need a Docker engine")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ImageError(f"docker {arguments[0]} failed:\n{complaint}")
    return done.stdout


def build(target: str, *options: str) -> str:
    """Build one target with this machine's Docker engine and return its tag; raises ImageError."""
    given = {"BASE_IMAGE": os.environ.get(BASE_IMAGE_SETTING), "SOURCE": _origin(), "VERSION": __version__}
    arguments = [part for name, value in given.items() if value for part in ("--build-arg", f"{name}={value}")]
    place = ("--file", str(DOCKERFILE), "--target", target, "--tag", tag(target), str(ROOT))
    docker("build", *arguments, *options, *place)
    return tag(target)


def _origin() -> str | None:
    """The address that this clone is of; one with a name or a password in it is nobody else's business."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "config", "--get", "remote.origin.url"]
    origin = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return origin if origin.startswith("https://") and "@" not in origin else None
