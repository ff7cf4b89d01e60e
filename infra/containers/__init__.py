"""The container images of the functions: base image, build steps and sizes.

    python -m infra.containers [--record] [IMAGE ...]

They are described by functions/Dockerfile, and built by CDK on deployment and by `make images` on this machine.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.containers import contents
from infra.containers.base import base_image
from infra.containers.contents import DOCKERFILE
from infra.containers.engine import ImageError, docker
from skysort import __version__
from skysort.models import BULK, CUSTOM, MODELS, PICTURES, ROWS, of_kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DOCKERFILE", "IMAGES", "ImageError", "build", "context", "docker", "fingerprint", "recipe", "tag"]

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


def tag(image: str) -> str:
    """The tag that `make images` gives an image."""
    return f"skysort/{image}:latest"


def recipe(image: str) -> tuple[str, dict[str, str]]:
    """The target of functions/Dockerfile for an image, and its build arguments."""
    arguments = {"VERSION": __version__, "BASE_IMAGE": base_image()}
    for name, model in MODELS.items():
        if image in (name, model.drop_function, model.bulk_function):
            return model.input.name + image.removeprefix(name), arguments | {"MODEL": name}
    return image, arguments


def fingerprint(image: str, root: Path = ROOT) -> str:
    """The hash of only what an image is made of; it changes when, and only when, the image is built anew."""
    return contents.fingerprint(*recipe(image), root)


def context(image: str, root: Path = ROOT) -> Path:
    """The folder that an image is built from, with its part of functions/Dockerfile at the same path."""
    return contents.folder(*recipe(image), root)


def build(image: str, *options: str) -> str:
    """Build an image with this machine's Docker engine and return its tag; raises ImageError."""
    target, arguments = recipe(image)
    if origin := _origin():
        arguments["SOURCE"] = origin
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    folder = context(image)
    file = f"--file={folder / DOCKERFILE.relative_to(ROOT)}"
    docker("build", *given, *options, file, f"--target={target}", f"--tag={tag(image)}", str(folder))
    return tag(image)


def _origin() -> str | None:
    """The remote URL of this clone; None if it contains credentials."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "config", "--get", "remote.origin.url"]
    origin = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return origin if origin.startswith("https://") and "@" not in origin else None
