"""The part of a picture that a model sees, and its size."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from PIL.Image import Resampling

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Box = tuple[float, float, float, float]

Filter = Literal["bicubic", "hamming"]
FILTERS: Final[tuple[Filter, ...]] = ("bicubic", "hamming")
_RESAMPLING: Final[dict[Filter, Resampling]] = {"bicubic": Resampling.BICUBIC, "hamming": Resampling.HAMMING}
# Cheap reductions (a JPEG's scaled decoding, block means) stop at this multiple of the target size and the filter does
# the rest: at 2 the pixels differ from those of a full decode by a third of a level on average.
MARGIN: Final = 2
_DIGITS: Final = 6  # of a product of floats that is a whole number


@dataclass(frozen=True)
class InputSpec:
    """A model's input picture; raises ArtefactError for a spec that contradicts itself.

    Parameters
    ----------
    height, width
        Pixels.
    resize_shorter
        The shorter side is scaled to this many pixels and the central height x width is cropped; None: the central
        square of central_fraction of the shorter side is scaled to height x width.
    background
        What shows through transparent pixels.
    filter
        The filter for downscaling; hamming uses half the pixels of bicubic, in half the time. Upscaling is always
        bicubic.
    measurements
        Whether the model is meant for measurements, so that 16-bit grey that uses little of its range is taken for
        detector counts, not for a dark photograph.
    """

    height: int
    width: int
    resize_shorter: int | None
    central_fraction: float
    background: Literal["black", "white"]
    filter: Filter = "bicubic"
    measurements: bool = False

    def __post_init__(self) -> None:
        """Raise ArtefactError for a window that would reach beyond the picture."""
        if self.height < 1 or self.width < 1:
            raise ArtefactError(f"a model's input must have pixels, got {self.height} x {self.width}")
        if self.resize_shorter is not None and self.resize_shorter < max(self.height, self.width):
            raise ArtefactError(
                f"resize_shorter must be at least the input's {max(self.height, self.width)}, got {self.resize_shorter}"
            )
        if not 0 < self.central_fraction <= 1:
            raise ArtefactError(f"central_fraction must be above 0 and at most 1, got {self.central_fraction}")
        if self.background not in {"black", "white"}:
            raise ArtefactError(f"background must be black or white, got {self.background!r}")
        if self.filter not in FILTERS:
            raise ArtefactError(f"filter must be {' or '.join(FILTERS)}, got {self.filter!r}")

    @classmethod
    def from_card(cls, entry: Mapping[str, Any]) -> InputSpec:
        """The spec of a model card's "input"; raises ArtefactError."""
        try:
            return cls(**{field.name: entry[field.name] for field in fields(cls)})
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"the card's input is not described in full: {error!r}") from error

    def window(self, width: int, height: int) -> Box:
        """The central part of a width x height picture that the model sees: left, upper, right, lower."""
        # In fractions of pixels, so that it is the same part for every stored orientation.
        shorter = min(width, height)
        if self.resize_shorter is None:
            across = down = shorter * self.central_fraction
        else:
            scale = shorter / self.resize_shorter
            across, down = self.width * scale, self.height * scale
        left, upper = (width - across) / 2, (height - down) / 2
        return inside((left, upper, left + across, upper + down), width, height)

    @cache  # noqa: B019 - of the few specs that there are
    def turned(self) -> InputSpec:
        """The spec for a picture stored rotated by 90 degrees."""
        return replace(self, height=self.width, width=self.height)


def covering(specs: Sequence[InputSpec]) -> InputSpec:
    """What to decode once for several models: the widest of their windows, as finely as the finest needs it."""
    if len(specs) == 1:
        return specs[0]
    share = density = 0.0
    for spec in specs:
        longer = max(spec.width, spec.height)
        pixels = spec.resize_shorter or longer / spec.central_fraction  # of the shorter side
        share, density = max(share, longer / pixels), max(density, pixels)
    side = math.ceil(round(density * share, _DIGITS))
    measurements = any(spec.measurements for spec in specs)
    return InputSpec(side, side, None, share, specs[0].background, measurements=measurements)


def inside(box: Box, width: float, height: float) -> Box:
    """A window clipped to the picture."""
    # Rounding puts a window as wide as the picture beyond its edge for many sizes: 29 x 224 / 224 is not 29 in floats.
    return max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])


def resampling(spec: InputSpec, box: Box) -> Resampling:
    """The resampling filter: the model's where both sides get smaller, else bicubic."""
    smaller = box[2] - box[0] >= spec.width and box[3] - box[1] >= spec.height
    return _RESAMPLING[spec.filter] if smaller else Resampling.BICUBIC
