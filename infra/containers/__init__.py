"""The functions' container images: their base, the steps of their build, and what each weighs.

    python -m infra.containers [--record] [IMAGE ...]

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
from skysort.models import MODELS, PICTURES, ROWS, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKERFILE: Final = ROOT / "functions" / "Dockerfile"
# Dropped pictures are classified from the image that answers requests.
IMAGES: Final = (
    "control",
    *(image for name in of_kind(ROWS) for image in (name, MODELS[name].drop_function)),
    *of_kind(PICTURES),
)
# The base image to build on; without it the Dockerfile's own default, the public slim Python image.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"
DEFAULT_BASE: Final = "python:3.13-slim"
_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")


class ImageError(Exception):
    """An image cannot be built or read; the message says why and what to do."""


def tag(image: str) -> str:
    """The name that `make images` gives an image."""
    return f"skysort/{image}:latest"


def recipe(image: str) -> tuple[str, dict[str, str]]:
    """The target of functions/Dockerfile that an image is built from, and its build arguments."""
    arguments = {"VERSION": __version__}
    if base := os.environ.get(BASE_IMAGE_SETTING):
        arguments["BASE_IMAGE"] = base
    for name, model in MODELS.items():
        if image in (name, model.drop_function):
            target = model.input.name + ("-drop" if image != name else "")
            return target, arguments | {"MODEL": name}
    return image, arguments


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
        raise ImageError("docker not found on the path; container images need a Docker engine")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ImageError(f"docker {arguments[0]} failed:\n{complaint}")
    return done.stdout


def build(image: str, *options: str) -> str:
    """Build one image with this machine's Docker engine and return its tag; raises ImageError."""
    target, arguments = recipe(image)
    if origin := _origin():
        arguments["SOURCE"] = origin
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    docker("build", *given, *options, f"--file={DOCKERFILE}", f"--target={target}", f"--tag={tag(image)}", str(ROOT))
    return tag(image)


def _origin() -> str | None:
    """The address that this clone is of; one with a name or a password in it is nobody else's business."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "config", "--get", "remote.origin.url"]
    origin = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return origin if origin.startswith("https://") and "@" not in origin else None
