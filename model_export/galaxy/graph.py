"""The exported graph: from pixels to calibrated probabilities, activation maps and an embedding.

It averages several views of a picture: quarter turns and mirror images, which need no resampling.
All views go through the trunk as a single batch.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model_export.common import networks
from model_export.common.networks import ConvNorm
from model_export.common.onnx_file import INPUT
from model_export.galaxy.choice import ALL_VIEWS
from model_export.galaxy.networks import HALF_RANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from model_export.galaxy.choice import View
    from model_export.galaxy.networks import Galaxy


def apply_view(pictures: Tensor, view: View) -> Tensor:
    """(n, c, h, h) -> (n, c, h, h), rotated and mirrored."""
    turns, mirrored = view
    turned = torch.rot90(pictures, turns, (2, 3)) if turns else pictures
    return turned.flip(3) if mirrored else turned


def undo_view(maps: Tensor, view: View) -> Tensor:
    """The inverse of `apply_view`."""
    turns, mirrored = view
    straight = maps.flip(3) if mirrored else maps
    return torch.rot90(straight, -turns, (2, 3)) if turns else straight


class Served(nn.Module):
    """The complete inference graph.

    shift: (8,) added to the mean logits before they are divided by the temperature.

    What scales the pixels, shifts the logits and divides them by the temperature is folded into the first kernel and
    the class head, since a node costs a request some microseconds however little it does. The mean of the pixels is
    subtracted: at the edges, which are padded with zeros, a bias could not stand for it.
    """

    def __init__(
        self,
        network: Galaxy,
        views: Sequence[View] = ALL_VIEWS[:1],
        *,
        shift: Tensor | None = None,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.network = fold_norms(network)
        self.views = tuple(views)
        first = next(self.network.trunk.children())
        stem = first[0] if isinstance(first, nn.Sequential) else None
        self.scaled = isinstance(stem, ConvNorm)
        head = self.network.classes
        moved = torch.zeros(head.out_features) if shift is None else shift
        with torch.no_grad():
            if isinstance(stem, ConvNorm):
                stem.conv.weight.div_(HALF_RANGE)
            self.register_buffer("weight", head.weight.detach() / temperature)
            self.register_buffer("bias", (head.bias.detach() + moved) / temperature)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, side, side, 3) uint8 -> probabilities (n, 8), activation (n, 8, h, w), embedding (n, width)."""
        pictures = image.permute(0, 3, 1, 2).float() - HALF_RANGE
        if not self.scaled:
            pictures = pictures / HALF_RANGE
        count = len(pictures)
        features = self.network.trunk(torch.cat([apply_view(pictures, view) for view in self.views]))
        pooled = features.mean(dim=(2, 3))
        embedding = pooled.view(len(self.views), count, -1).mean(dim=0) if len(self.views) > 1 else pooled
        probabilities = torch.softmax(functional.linear(embedding, self.weight, self.bias), dim=1)
        head = self.network.classes
        maps = functional.conv2d(features, head.weight[:, :, None, None], head.bias)
        straight = [undo_view(maps[index * count : (index + 1) * count], view) for index, view in enumerate(self.views)]
        activation = torch.stack(straight).mean(dim=0) if len(straight) > 1 else straight[0]
        return probabilities, activation, embedding


def to_onnx(served: Served, side: int, batch: int = 1) -> bytes:
    """A checked ONNX file with constant shapes, optimised independently of the processor."""
    return networks.to_onnx(served, {INPUT: torch.zeros((batch, side, side, 3), dtype=torch.uint8)})


def fold_norms(network: Galaxy) -> Galaxy:
    """A copy in evaluation mode with batch norms folded into the preceding convolutions."""
    folded: Galaxy = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, ConvNorm):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return folded
