"""The base of the images, and `make pin-base`, which pins it to what its publisher has under its tag today.

    python -m infra.containers.base [IMAGE]

A tag is moved by its publisher with every update; a digest names one content for ever. base.txt is part of every
image's asset hash: with a digest in it, an update of the base is a change that is committed, reviewed and deployed like
any other, and without one it arrives at no time that anybody chose.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.containers.engine import ImageError, docker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# An image for this run alone, in place of base.txt.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"
LOCK: Final = Path(__file__).with_name("base.txt")
_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")
_PULLED: Final = re.compile(r"^Digest: (sha256:[0-9a-f]{64})$", re.MULTILINE)


def locked(lock: Path = LOCK) -> str:
    """The base image of base.txt."""
    return lock.read_text(encoding="utf-8").strip()


def base_image(environment: Mapping[str, str] = os.environ) -> str:
    """The base that images are built on: SKYSORT_BASE_IMAGE, or that of base.txt."""
    return environment.get(BASE_IMAGE_SETTING) or locked()


def unpinned(environment: Mapping[str, str]) -> str | None:
    """A note if the base image is given by a tag, which its publisher may move; None if by a digest."""
    base = base_image(environment)
    if _DIGEST.fullmatch(base):
        return None
    note = (
        f"the images are built on {base}, a tag that its publisher may move: two builds can differ, and its updates "
        "reach no image that is not built anew for another reason. "
    )
    if environment.get(BASE_IMAGE_SETTING):
        return note + f"Name it by digest in {BASE_IMAGE_SETTING}: NAME@sha256:..., which `docker pull` prints\n"
    return note + f"Pin it with `make pin-base`, and commit {LOCK.name}\n"


def pin(image: str, lock: Path = LOCK) -> str:
    """Write an image with its present digest to base.txt, and return it.

    Parameters
    ----------
    image
        A name with a tag; a digest after it is left aside.
    lock
        Where it is written.

    Returns
    -------
    str
        Name, tag and digest. For an image of several architectures it is the digest of their list.

    Raises
    ------
    ImageError
        It could not be pulled.
    """
    tag = image.partition("@")[0]
    said = _PULLED.search(docker("pull", tag))
    if said is None:
        raise ImageError(f"docker pull {tag} printed no digest; the base has to come from a registry")
    pinned = f"{tag}@{said[1]}"
    lock.write_text(f"{pinned}\n", encoding="utf-8")
    return pinned


def main(arguments: Sequence[str]) -> None:
    """Pin the base and say what has changed."""
    parser = argparse.ArgumentParser(prog="python -m infra.containers.base", description=__doc__)
    parser.add_argument("image", nargs="?", help="name and tag of another base (default: those of base.txt)")
    chosen = parser.parse_args(arguments)
    before = locked()
    try:
        after = pin(chosen.image or before)
    except ImageError as error:
        sys.exit(f"the base stays {before}: {error}")
    if after == before:
        sys.stdout.write(f"{LOCK.name}: {before} is still what its publisher has\n")
    else:
        sys.stdout.write(f"{LOCK.name}: {before} -> {after}\nRun the tests of the images, then commit it.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
