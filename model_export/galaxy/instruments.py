"""Augmentation for pictures of other instruments and other hands.

Each batch of views is changed as such pictures differ from the survey's: half the resolution, another survey's colours
and stretch, no colours, more noise, JPEG compression. Most pictures of a batch stay as they are, since most requests
are like the survey.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# The share of the pictures on which each change is made.
HALVED: Final = 0.12
COLOURED: Final = 0.3
GREY: Final = 0.12
NOISY: Final = 0.15
COMPRESSED: Final = 0.2
# Logarithmic spread of the gains of the three channels, logarithmic range of the exponent of the stretch, and the
# brightest sky: pictures of DECaLS show g, r and z, faint light some four times as bright, and a sky of about 30.
GAIN: Final = 0.2
STRETCH: Final = 0.45
SKY: Final = 40.0
SATURATION: Final = (0.3, 1.6)
NOISE: Final = (3.0, 12.0)  # of 255; the sky of the survey's pictures has about 4
QUALITY: Final = (20, 90)
FULL_SCALE: Final = 255.0


def changed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 3, side, side) float, 0 to 255 -> the same, as other instruments might have shown it."""
    pictures = halved(pictures, _some(pictures, HALVED, generator))
    pictures = noisy(pictures, _some(pictures, NOISY, generator), generator)
    pictures = coloured(pictures, _some(pictures, COLOURED, generator), generator)
    pictures = greyed(pictures, _some(pictures, GREY, generator), generator)
    pictures = compressed(pictures, _some(pictures, COMPRESSED, generator), generator)
    return pictures.contiguous(memory_format=torch.channels_last)


def halved(pictures: Tensor, chosen: Tensor) -> Tensor:
    """The chosen pictures at half the resolution, enlarged again."""
    if not len(chosen):
        return pictures
    small = functional.avg_pool2d(pictures[chosen], 2)
    large = functional.interpolate(small, size=pictures.shape[2:], mode="bilinear")
    return pictures.index_copy(0, chosen, large)


def coloured(pictures: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """The chosen pictures with another balance of the channels, stretch and saturation, half of them on a grey sky."""
    count = len(chosen)
    if not count:
        return pictures
    gain = torch.exp(GAIN * torch.randn((count, 3, 1, 1), generator=generator))
    stretch = torch.exp(_uniform(count, -STRETCH, STRETCH, generator))
    saturation = _uniform(count, *SATURATION, generator)
    shown = (pictures[chosen] * gain / FULL_SCALE).clamp(0, 1) ** stretch * FULL_SCALE
    sky = _uniform(count, -SKY, SKY, generator).clamp_min(0)
    shown = sky + shown * (1 - sky / FULL_SCALE)
    shown = torch.lerp(shown.mean(dim=1, keepdim=True).expand_as(shown), shown, saturation)
    return pictures.index_copy(0, chosen, shown.clamp(0, FULL_SCALE))


def greyed(pictures: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """The chosen pictures without colour: a random mixture of the channels, as a band between them would show."""
    if not len(chosen):
        return pictures
    weight = torch.rand((len(chosen), 3, 1, 1), generator=generator) + 1e-3
    grey = (pictures[chosen] * weight / weight.sum(dim=1, keepdim=True)).sum(dim=1, keepdim=True)
    return pictures.index_copy(0, chosen, grey.expand(-1, 3, -1, -1).contiguous())


def noisy(pictures: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """The chosen pictures with more noise."""
    if not len(chosen):
        return pictures
    shown = pictures[chosen]
    scale = _uniform(len(chosen), *NOISE, generator)
    shown = shown + scale * torch.randn(shown.shape, generator=generator)
    return pictures.index_copy(0, chosen, shown.clamp(0, FULL_SCALE))


def compressed(pictures: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """The chosen pictures after JPEG compression."""
    if not len(chosen):
        return pictures
    quality = torch.randint(*QUALITY, (len(chosen),), generator=generator).tolist()
    frames = pictures[chosen].round().clamp(0, FULL_SCALE).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    shown = np.stack([_through_jpeg(frame, level) for frame, level in zip(frames, quality, strict=True)])
    return pictures.index_copy(0, chosen, torch.from_numpy(shown).permute(0, 3, 1, 2).to(pictures.dtype))


def _through_jpeg(frame: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    written = io.BytesIO()
    Image.fromarray(frame).save(written, "JPEG", quality=quality)
    with Image.open(written) as opened:
        return np.array(opened)


def _some(pictures: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return torch.nonzero(torch.rand(len(pictures), generator=generator) < share).flatten()


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand((count, 1, 1, 1), generator=generator) * (high - low) + low
