"""Sizes of images as in a registry: the compressed size and the content of each layer."""

from __future__ import annotations

import json
import posixpath
import re
import tarfile
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.containers import docker, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMITTED: Final = Path(__file__).with_name("sizes.json")
# Registries compress layers with gzip at its default level.
GZIP_LEVEL: Final = 6
GZIP_BITS: Final = 31
BLOCK: Final = 1 << 20
# Smaller layers come from instructions that only touch a folder.
LEAST_BYTES: Final = 10_240

DISTRIBUTION: Final = re.compile(r"var/runtime/([^/]+)-([^/-]+)\.dist-info/METADATA")
PYTHON: Final = re.compile(r"usr/(?:local/)?bin/(python3\.\d+)")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: its digest, bytes before and after compression, and a description of its content."""

    digest: str
    size: int
    compressed: int
    holds: tuple[str, ...]


def measure(images: Sequence[str]) -> dict[str, Any]:
    """Sizes of the built images, as committed in sizes.json; shared layers are listed once."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "images.tar")
        docker("save", "--output", str(archive), *map(tag, images))
        with tarfile.open(archive) as saved:
            stacks = _stacks(saved)
        digests = list(dict.fromkeys(digest for stack in stacks.values() for digest in stack))
        with ThreadPoolExecutor(2) as pool:
            layers = dict(zip(digests, pool.map(lambda digest: _layer(archive, digest), digests), strict=True))
    stacks = {name: [digest for digest in stack if layers[digest].size > LEAST_BYTES] for name, stack in stacks.items()}
    return {
        "images": {
            image: {
                "compressed_bytes": sum(layers[digest].compressed for digest in stacks[tag(image)]),
                "bytes": sum(layers[digest].size for digest in stacks[tag(image)]),
            }
            for image in images
        },
        "layers": [
            {
                "holds": list(layers[digest].holds),
                "compressed_bytes": layers[digest].compressed,
                "bytes": layers[digest].size,
                "images": [image for image in images if digest in stacks[tag(image)]],
            }
            for digest in digests
            if layers[digest].size > LEAST_BYTES
        ],
    }


def _stacks(saved: tarfile.TarFile) -> dict[str, list[str]]:
    """The names of each image's layers in the archive, lowest first."""
    manifest = saved.extractfile("manifest.json")
    if manifest is None:
        raise ValueError("docker save wrote an archive without a manifest")
    return {
        name: [_resolved(saved, layer) for layer in image["Layers"]]
        for image in json.load(manifest)
        for name in image["RepoTags"]
    }


def _resolved(saved: tarfile.TarFile, name: str) -> str:
    """The path of a layer: older engines store a shared layer once and link to it."""
    member = saved.getmember(name)
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname)) if member.issym() else name


def _layer(archive: Path, name: str) -> Layer:
    with tarfile.open(archive) as saved:
        member = saved.getmember(name)
        packed = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_BITS)
        content = saved.extractfile(member)
        if content is None:
            raise ValueError(f"docker save wrote an archive without the layer {name}")
        compressed = 0
        while block := content.read(BLOCK):
            compressed += len(packed.compress(block))
        compressed += len(packed.flush())
        content.seek(0)
        with tarfile.open(fileobj=content) as layer:
            names = layer.getnames()
    return Layer(name, member.size, compressed, tuple(describe(names)))


def describe(names: Sequence[str]) -> list[str]:
    """Describe a layer with these files, e.g. ["numpy 2.5.5"] or ["model"]."""
    holds = [
        f"{found[1].replace('_', '-')} {found[2]}" for name in sorted(names) if (found := DISTRIBUTION.fullmatch(name))
    ]
    if "usr/lib/os-release" in names:
        python = sorted({found[1] for name in names if (found := PYTHON.fullmatch(name))})
        holds.append(f"Debian's libraries and {', '.join(python)}")
    if any(name.startswith("opt/python/skysort/") for name in names):
        holds.append("layers/skysort")
    if any(name.startswith("var/task/model/") for name in names):
        holds.append("model")
    if any(name.startswith("var/task/networks/") for name in names):
        holds.append("networks")
    if any(name.startswith("var/task/cards/") for name in names):
        holds.append("cards")
    if "var/task/app.py" in names:
        holds.append("handlers")
    return holds
