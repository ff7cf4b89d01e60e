"""The container images of the functions: base image, build steps and sizes.

    python -m infra.containers [--record] [IMAGE ...]

They are described by functions/Dockerfile, and built by CDK on deployment and by `make images` on this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from infra import ROOT
from skysort import __version__
from skysort.models import BULK, CUSTOM, MODELS, PICTURES, ROWS, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKERFILE: Final = ROOT / "functions" / "Dockerfile"
# Dropped pictures are classified by the image that serves requests; parts of bulk jobs by one that has Arrow, too, as
# that of dropped tables does.
IMAGES: Final = (
    "control",
    *(image for name in of_kind(ROWS) for image in (name, MODELS[name].drop_function)),
    *(image for name in of_kind(PICTURES) for image in (name, MODELS[name].bulk_function)),
    CUSTOM.name,
    CUSTOM.bulk_function,
    BULK,
)
# The base image; by default that of the Dockerfile, the public slim Python image.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"
DEFAULT_BASE: Final = "python:3.13-slim"
_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")


class ImageError(Exception):
    """An image cannot be built or read; the message gives cause and remedy."""


def tag(image: str) -> str:
    """The tag that `make images` gives an image."""
    return f"skysort/{image}:latest"


def recipe(image: str) -> tuple[str, dict[str, str]]:
    """The target of functions/Dockerfile for an image, and its build arguments."""
    arguments = {"VERSION": __version__}
    if base := os.environ.get(BASE_IMAGE_SETTING):
        arguments["BASE_IMAGE"] = base
    for name, model in MODELS.items():
        if image in (name, model.drop_function, model.bulk_function):
            return model.input.name + image.removeprefix(name), arguments | {"MODEL": name}
    return image, arguments


def unpinned(environment: Mapping[str, str]) -> str | None:
    """A note if the base image is given by a tag, which its publisher may move; None if by a digest."""
    base = environment.get(BASE_IMAGE_SETTING) or DEFAULT_BASE
    if _DIGEST.fullmatch(base):
        return None
    return (
        f"the images are built on {base}, a tag that its publisher may move, so builds are not reproducible. To pin "
        f"it, set {BASE_IMAGE_SETTING} to the output of:\n"
        f"  docker pull {base} && docker image inspect --format '{{{{index .RepoDigests 0}}}}' {base}\n"
    )


def docker(*arguments: str) -> str:
    """Run a docker command and return its output; raises ImageError with the end of its error output."""
    program = shutil.which("docker")
    if program is None:
        raise ImageError("docker not found on the path; container images need a Docker engine")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ImageError(f"docker {arguments[0]} failed:\n{complaint}")
    return done.stdout


def build(image: str, *options: str) -> str:
    """Build an image with this machine's Docker engine and return its tag; raises ImageError."""
    target, arguments = recipe(image)
    if origin := _origin():
        arguments["SOURCE"] = origin
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    docker("build", *given, *options, f"--file={DOCKERFILE}", f"--target={target}", f"--tag={tag(image)}", str(ROOT))
    return tag(image)


def _origin() -> str | None:
    """The remote URL of this clone; None if it contains credentials."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "config", "--get", "remote.origin.url"]
    origin = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return origin if origin.startswith("https://") and "@" not in origin else None
