"""``weights``: load public weights into a trainable network, and verify that both compute the same.

Output 0 of the 1,001 in Google's file is "background", which no ImageNet photograph has: it is dropped, and the softmax
over the rest renormalises. Torchvision's weights are downloaded; their file names end in the first eight digits of
their SHA-256, as checked by torch.hub; a full hash can be passed.
"""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import numpy as np
import torch

from model_export.common import onnx_file
from model_export.common.cli import OK, log, progress
from model_export.common.fetch import checksum, fetch
from model_export.common.files import sha256, versions, write_json
from model_export.common.networks import convolutions, parameters, public_weights
from model_export.image import data, networks, readme
from model_export.image.data import LIBRARIES, WEIGHTS, Workspace
from model_export.image.networks import Minimalistic, MobileNetV3Large, SameConv
from skysort.errors import ConfigurationError
from skysort.learning import metrics

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from torch import nn


ORIGIN: Final = (
    "MobileNetV3-Large minimalistic 1.0 224, ImageNet-1k, 8-bit TFLite file of Google's TF-Slim release "
    "(tensorflow/models, research/slim/nets/mobilenet), dequantised to fp32"
)
URLS: Final = {
    "v1": "https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth",
    "v2": "https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth",
}
ARCHITECTURES: Final[dict[str, Any]] = {"minimalistic": Minimalistic, "torchvision": MobileNetV3Large}
RESIZE_SHORTER: Final = 256
_DIGEST_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,64})\.")
_HALF_RANGE: Final = np.float32(127.5)  # pixels of the public input: RGB in -1 to 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network in evaluation mode, and its origin for the card (JSON values)."""

    architecture: str
    network: nn.Module
    origin: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the checkpoint for the next command."""
        state = self.network.state_dict()
        torch.save({"architecture": self.architecture, "state": state, "origin": self.origin}, path)


def load(workspace: Workspace, name: str) -> Checkpoint:
    """Read the network base or tuned; a ConfigurationError names the command that writes it."""
    path, made_by = workspace.network(name), "weights" if name == "base" else "train"
    try:
        checkpoint = torch.load(path, weights_only=True)
        network = ARCHITECTURES[checkpoint["architecture"]]()
        network.load_state_dict(checkpoint["state"])
        return Checkpoint(checkpoint["architecture"], network.eval(), checkpoint["origin"])
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; run `python -m model_export image {made_by}` first") from None
    except (KeyError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError) as problem:
        raise ConfigurationError(f"{path} is damaged ({problem!s:.200}); run `{made_by}` again") from problem


def run(options: argparse.Namespace) -> int:
    """Write build/image/base.pt, and results/weights.json for the weights of the data folder."""
    workspace = Workspace.of(options)
    if options.source == "torchvision":
        checkpoint = torchvision(options.variant, workspace.build / "downloads", options.url, options.sha256)
        checkpoint.save(workspace.network("base"))
        log(f"{checkpoint.network.name}: {parameters(checkpoint.network):,} parameters from {checkpoint.origin['url']}")
        return OK
    file = public_weights(workspace.data)
    network = minimalistic(file)
    origin = {"weights": ORIGIN, "licence": "Apache-2.0", "sha256": sha256(file)}
    Checkpoint("minimalistic", network, origin).save(workspace.network("base"))
    record = {"origin": origin, "parameters": parameters(network), **_exactness(workspace, file, network)}
    write_json(workspace.results / WEIGHTS, {**record, "libraries": versions(LIBRARIES)})
    readme.PAGE.fill(workspace.results)
    log(f"largest difference of a logit from the public file: {record['largest_logit_difference']:.2e}")
    for name, entry in record["before_any_change"].items():
        log(f"{name}: top-1 {entry['top_1']['value']:.3f}, top-5 {entry['top_5']['value']:.3f} of {entry['rows']:,}")
    return OK


def minimalistic(file: bytes) -> Minimalistic:
    """The network with the weights of the ONNX file; a ConfigurationError if the shapes differ."""
    pairs, network = convolutions(file), Minimalistic()
    # Both the file and the modules are in execution order.
    layers = [module for module in network.modules() if isinstance(module, SameConv)]
    layers += [network.projection, network.classifier]
    if len(pairs) != len(layers):
        raise ConfigurationError(f"the weights have {len(pairs)} convolutions, the network has {len(layers)}")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, pairs, strict=True):
            kernel, offset = weight.reshape(weight.shape[0], *layer.weight.shape[1:]), bias
            if layer is network.classifier:
                kernel, offset = kernel[1:], offset[1:]
            if kernel.shape != layer.weight.shape:
                raise ConfigurationError(f"a kernel has shape {tuple(kernel.shape)}, not {tuple(layer.weight.shape)}")
            layer.weight.copy_(kernel)
            layer.bias.copy_(offset)
    return network.eval()


def torchvision(variant: str, folder: Path, url: str | None = None, digest: str | None = None) -> Checkpoint:
    """Download the weights of a variant, or resume or reuse a download, and load them into the network.

    Parameters
    ----------
    variant
        A key of URLS.
    folder
        Download folder.
    url
        Alternative address.
    digest
        SHA-256 of the file, or its first digits; by default from the file name.

    Returns
    -------
    Checkpoint
        The network and its origin.

    Raises
    ------
    InfrastructureError
        If the server cannot be reached or closes the connection early.
    ConfigurationError
        For a wrong checksum, or a file without torchvision's MobileNetV3-Large.
    """
    address = url or URLS[variant]
    name = urlsplit(address).path.rsplit("/", 1)[-1]
    path = fetch(address, folder / name, digest=digest or digest_in_name(address))
    network = MobileNetV3Large()
    try:
        network.load_published(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as problem:  # torch raises from UnpicklingError to RuntimeError
        raise ConfigurationError(
            f"{path.name} does not contain torchvision's MobileNetV3-Large: {problem!s:.300}"
        ) from problem
    origin = {
        "weights": f"torchvision MobileNet_V3_Large, ImageNet-1k, {variant}",
        "licence": "BSD-3-Clause (torchvision)",
        "url": address,
        "sha256": checksum(path, "sha256"),
    }
    return Checkpoint("torchvision", network.eval(), origin)


def digest_in_name(url: str) -> str:
    """The first digits of the SHA-256 in a file name; a ConfigurationError if there are none."""
    match = _DIGEST_IN_NAME.search(urlsplit(url).path.rsplit("/", 1)[-1])
    if not match:
        raise ConfigurationError(f"the file name in {url} has no SHA-256; pass --sha256")
    return match.group(1)


def _exactness(workspace: Workspace, file: bytes, network: Minimalistic) -> dict[str, Any]:
    """The public file and the network on every photograph: largest difference, and accuracy before any change."""
    photographs = data.find(workspace.data)
    session = onnx_file.session(file)
    largest = 0.0
    report = {}
    with progress() as bar:
        for source in data.SOURCES:
            chosen = data.select(photographs, source)
            task = bar.add_task(source, total=len(chosen))
            pixels = data.pixels(chosen, data.spec(RESIZE_SHORTER))
            ours = networks.logits(network, pixels)
            theirs = np.empty_like(ours)
            for index, picture in enumerate(pixels):
                scaled = (picture.transpose(2, 0, 1)[np.newaxis] - _HALF_RANGE) / _HALF_RANGE
                theirs[index] = session.run(["logits"], {"input": scaled})[0][0, 1:]
                bar.advance(task)
            largest = max(largest, float(np.abs(ours - theirs).max()))
            report[source] = metrics.top_1_and_5(theirs, data.labels_of(chosen))
    return {
        "largest_logit_difference": largest,
        "resize_shorter": RESIZE_SHORTER,
        "photographs_sha256": data.digest(photographs),
        "before_any_change": report,
    }
