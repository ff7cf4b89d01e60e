"""Torchvision's published weights by download: progress, resume after a break, and a checksum.

Their file names end in the first eight digits of their SHA-256, which is what torch.hub checks; a full one
can be given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import torch

from model_export.common.fetch import checksum, fetch
from model_export.image.checkpoint import Checkpoint
from model_export.image.torchvision_network import MobileNetV3Large
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

URLS: Final = {
    "v1": "https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth",
    "v2": "https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth",
}
LICENCE: Final = "BSD-3-Clause (torchvision)"
_DIGEST_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,64})\.")


def torchvision(variant: str, folder: Path, url: str | None = None, sha256: str | None = None) -> Checkpoint:
    """Download (or continue, or find) the weights of a variant and load them into our own network.

    Raises InfrastructureError when the server cannot be reached or breaks off, ConfigurationError for a file whose
    checksum is wrong or that holds no MobileNetV3-Large.
    """
    address = url or URLS[variant]
    path = fetched(address, folder, sha256 or digest_in_name(address))
    network = MobileNetV3Large()
    try:
        network.load_published(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as problem:  # torch raises from UnpicklingError to RuntimeError
        raise ConfigurationError(
            f"{path.name} holds no MobileNetV3-Large of torchvision: {problem!s:.300}"
        ) from problem
    origin = {
        "weights": f"torchvision MobileNet_V3_Large, ImageNet-1k, {variant}",
        "licence": LICENCE,
        "url": address,
        "sha256": checksum(path, "sha256"),
    }
    return Checkpoint("torchvision", network.eval(), origin)


def digest_in_name(url: str) -> str:
    """The first digits of the SHA-256 that a file name states; a ConfigurationError where there are none."""
    found = _DIGEST_IN_NAME.search(urlsplit(url).path.rsplit("/", 1)[-1])
    if not found:
        raise ConfigurationError(f"the name of {url} states no SHA-256; give it with --sha256")
    return found.group(1)


def fetched(url: str, folder: Path, digest: str) -> Path:
    """The file below folder, downloaded or continued if it is not there; its SHA-256 must begin with digest."""
    path = fetch(url, folder / urlsplit(url).path.rsplit("/", 1)[-1])
    found = checksum(path, "sha256")
    if not found.startswith(digest.lower()):
        path.unlink()
        raise ConfigurationError(
            f"{path.name} has the SHA-256 {found}, expected {digest}...: the download was damaged or is another file; "
            "it was removed, try again"
        )
    return path
