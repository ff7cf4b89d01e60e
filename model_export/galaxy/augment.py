"""Random views of galaxies: nothing in the sky says which way is up, how far, or how sharp."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from model_export.galaxy.crops import SIDE

if TYPE_CHECKING:
    from torch import Tensor

CENTRE: Final = 128  # pixels of a crop that the network sees: half a Galaxy Zoo 2 frame
ZOOM: Final = 0.15
SHIFT: Final = 0.02
LIGHT: Final = 0.15
SATURATION: Final = 0.15
NOISE: Final = 4.0  # of 255
# Turning a picture blurs it a little; this share is turned by quarters only, as sharp as what is served.
SHARP: Final = 0.3
BLURRED: Final = 0.2


def centre(crops: Tensor, side: int) -> Tensor:
    """(n, 218, 218, 3) uint8 -> (n, 3, side, side) float, 0 to 255: what a request gives the network."""
    edge = (SIDE - CENTRE) // 2
    middle = crops[:, edge : edge + CENTRE, edge : edge + CENTRE].permute(0, 3, 1, 2).float()
    if side == CENTRE:
        return middle.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(middle, (side, side), mode="bilinear", antialias=True)


def views(crops: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """(n, 218, 218, 3) uint8 -> (n, 3, side, side) float, 0 to 255: one random view of each picture."""
    count = len(crops)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator) * (high - low) + low

    sharp = uniform(0, 1) < SHARP
    angle = uniform(0, 2 * math.pi)
    angle = torch.where(sharp, torch.round(angle / (math.pi / 2)) * (math.pi / 2), angle)
    zoom = torch.where(sharp, 1.0, torch.exp(uniform(-ZOOM, ZOOM))) * (CENTRE / SIDE)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)  # noqa: PLR2004 - a fair coin
    shift = torch.where(sharp[:, None], 0.0, uniform(-SHIFT, SHIFT, 2)) * 2 * (CENTRE / SIDE)
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = torch.stack([cosine * flip, -sine, shift[:, 0], sine * flip, cosine, shift[:, 1]], dim=1)
    grid = functional.affine_grid(rows.view(-1, 2, 3), [count, 3, side, side], align_corners=False)
    pictures = functional.grid_sample(crops.permute(0, 3, 1, 2).float(), grid, align_corners=False)
    softened = functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    blur = torch.where(uniform(0, 1) < BLURRED, uniform(0, 1), 0.0)[:, None, None, None]
    pictures = torch.lerp(pictures, softened, blur)
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = torch.lerp(grey, pictures, uniform(1 - SATURATION, 1 + SATURATION, 1, 1, 1))
    pictures = pictures * uniform(1 - LIGHT, 1 + LIGHT, 1, 1, 1)
    noise = torch.where(uniform(0, 1) < BLURRED, uniform(0, NOISE), 0.0)[:, None, None, None]
    pictures = pictures + noise * torch.randn(pictures.shape, generator=generator)
    return pictures.clamp(0, 255).contiguous(memory_format=torch.channels_last)
