"""Torchvision's published weights by download: progress, resume after a break, and a checksum.

Their file names end in the first eight digits of their SHA-256, which is what torch.hub checks;
a full one can be given. Partial files are kept under the name with `.part` and continued by an
HTTP range request (RFC 9110, section 14); a server that ignores the range starts the file anew.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import torch

from model_export.console import progress
from model_export.image.checkpoint import Checkpoint
from model_export.image.torchvision_network import MobileNetV3Large
from skysort.errors import ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

URLS: Final = {
    "v1": "https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth",
    "v2": "https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth",
}
LICENCE: Final = "BSD-3-Clause (torchvision)"
TIMEOUT_S: Final = 30.0
_CHUNK: Final = 1 << 18
_PARTIAL_CONTENT: Final = 206
_RANGE_NOT_SATISFIABLE: Final = 416
_DIGEST_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,64})\.")


def torchvision(variant: str, folder: Path, url: str | None = None, sha256: str | None = None) -> Checkpoint:
    """Download (or continue, or find) the weights of a variant and load them into our own network.

    Raises InfrastructureError when the server cannot be reached or breaks off, ConfigurationError for a file whose
    checksum is wrong or that holds no MobileNetV3-Large.
    """
    address = url or URLS[variant]
    path = fetch(address, folder, sha256 or digest_in_name(address))
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
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return Checkpoint("torchvision", network.eval(), origin)


def digest_in_name(url: str) -> str:
    """The first digits of the SHA-256 that a file name states; a ConfigurationError where there are none."""
    found = _DIGEST_IN_NAME.search(urlsplit(url).path.rsplit("/", 1)[-1])
    if not found:
        raise ConfigurationError(f"the name of {url} states no SHA-256; give it with --sha256")
    return found.group(1)


def fetch(url: str, folder: Path, digest: str) -> Path:
    """The file below folder, downloaded if it is not there; its SHA-256 must begin with digest."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigurationError(f"weights are fetched over http or https, not from {url}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / urlsplit(url).path.rsplit("/", 1)[-1]
    if path.exists() and _begins(path, digest):
        return path
    part = path.with_name(path.name + ".part")
    _continue(url, part)
    if not _begins(part, digest):
        found = hashlib.sha256(part.read_bytes()).hexdigest()
        part.unlink()
        raise ConfigurationError(
            f"{path.name} has the SHA-256 {found}, expected {digest}...: the download was damaged or is another file; "
            "it was removed, try again"
        )
    return part.replace(path)


def _begins(path: Path, digest: str) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest().startswith(digest.lower())


def _continue(url: str, part: Path) -> None:
    """Fetch what is missing of a partial file."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - http(s), checked by the caller
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response, progress() as bar:  # noqa: S310
            resumed = response.status == _PARTIAL_CONTENT
            length = int(response.headers.get("Content-Length") or 0)
            total = length + (have if resumed else 0)
            task = bar.add_task(part.stem, total=total or None, completed=have if resumed else 0)
            with part.open("ab" if resumed else "wb") as file:
                _copy(response, file.write, lambda done: bar.advance(task, done))
    except urllib.error.HTTPError as problem:
        if problem.code == _RANGE_NOT_SATISFIABLE:
            return  # all of it is there already; the checksum decides
        raise InfrastructureError(f"{url} answered {problem.code} {problem.reason}") from problem
    except OSError as problem:
        raise InfrastructureError(
            f"{url} cannot be reached or broke off ({problem}); run it again to continue"
        ) from problem
    if total and part.stat().st_size < total:
        raise InfrastructureError(
            f"{url} broke off after {part.stat().st_size:,} of {total:,} bytes; run it again to continue"
        )


def _copy(response: HTTPResponse, write: Callable[[bytes], object], on_bytes: Callable[[int], object]) -> None:
    while chunk := response.read(_CHUNK):
        write(chunk)
        on_bytes(len(chunk))
