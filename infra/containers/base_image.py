"""The base of the functions' images, and whether it is one image for ever or whatever a tag means on the day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The base image to build on; without it the Dockerfile's own default, the public slim Python image.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"
DEFAULT: Final = "python:3.13-slim"
_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def unpinned(environment: Mapping[str, str]) -> str | None:
    """What to say where the base is named by a tag, which its publisher may move; None where a digest names it."""
    base = environment.get(BASE_IMAGE_SETTING) or DEFAULT
    if _DIGEST.fullmatch(base):
        return None
    return (
        f"the images are built on {base}, a tag that its publisher may move: what is built tomorrow may differ. To pin "
        f"it, set {BASE_IMAGE_SETTING} to what this prints:\n"
        f"  docker pull {base} && docker image inspect --format '{{{{index .RepoDigests 0}}}}' {base}\n"
    )
