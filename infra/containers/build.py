"""Building the images with the Docker engine of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from infra import ROOT
from infra.containers import BASE_IMAGE_SETTING, DOCKERFILE, tag

if TYPE_CHECKING:
    from collections.abc import Sequence


class ImageError(Exception):
    """An image cannot be built or read; the message says why and what to do."""


def docker(*arguments: str) -> str:
    """Run one docker command and return what it printed; raises ImageError with the end of its complaint."""
    program = shutil.which("docker")
    if program is None:
        raise ImageError("there is no docker on the path; container images need a Docker engine")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ImageError(f"docker {arguments[0]} failed:\n{complaint}")
    return done.stdout


def build(target: str, *options: str) -> str:
    """Build one target and return its tag; raises ImageError.

    The base is the one that SKYSORT_BASE_IMAGE names, without it the public Python image. The label of the
    source is this clone's origin, where it has one.
    """
    arguments = [*_argument("BASE_IMAGE", os.environ.get(BASE_IMAGE_SETTING)), *_argument("SOURCE", _origin())]
    place = ("--file", str(DOCKERFILE), "--target", target, "--tag", tag(target), str(ROOT))
    docker("build", *arguments, *options, *place)
    return tag(target)


def build_all(targets: Sequence[str]) -> list[str]:
    """Build targets, the later ones mostly from what the earlier ones left behind."""
    return [build(target) for target in targets]


def _argument(name: str, value: str | None) -> list[str]:
    return ["--build-arg", f"{name}={value}"] if value else []


def _origin() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    asked = subprocess.run(
        [git, "config", "--get", "remote.origin.url"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    origin = asked.stdout.strip()
    # An address with a name or a password in it is nobody else's business.
    return origin if origin.startswith("https://") and "@" not in origin else None
