"""The functions' container images: their base, the steps of their build, and what each weighs.

    python -m infra.containers [--record] [TARGET ...]

functions/Dockerfile describes them, CDK builds them when it deploys, `make images` builds them here.
"""

from __future__ import annotations

from typing import Final

from infra import ROOT

DOCKERFILE: Final = ROOT / "functions" / "Dockerfile"
# In the order of the file; galaxy-drop and image-drop run from galaxy and image.
TARGETS: Final = ("control", "star", "star-drop", "galaxy", "image")
# The base image to build on; without it the Dockerfile's own default, the public slim Python image.
BASE_IMAGE_SETTING: Final = "SKYSORT_BASE_IMAGE"


def tag(target: str) -> str:
    """What `make images` names a target's image."""
    return f"skysort/{target}:latest"
