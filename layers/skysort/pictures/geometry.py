"""Which part of a picture a model sees, and at what size."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from PIL.Image import Resampling

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping

Box = tuple[float, float, float, float]

Filter = Literal["bicubic", "hamming"]
FILTERS: Final[tuple[Filter, ...]] = ("bicubic", "hamming")
_RESAMPLING: Final[dict[Filter, Resampling]] = {"bicubic": Resampling.BICUBIC, "hamming": Resampling.HAMMING}
# Cheap reductions (a JPEG's by its cosine transform, block means) stop at this multiple of the wanted size and the
# filter does the rest: at 2 the pixels differ from a plain decode by a third of a level on average.
MARGIN: Final = 2


@dataclass(frozen=True)
class InputSpec:
    """The picture that a model takes; raises ArtefactError for a spec that contradicts itself.

    Parameters
    ----------
    height, width
        Pixels.
    resize_shorter
        The shorter side is scaled to this many pixels and the middle height x width of that is cut out; None: the
        central square of central_fraction of the shorter side is scaled to height x width.
    background
        What shows through transparent pixels.
    filter
        What larger pictures are made smaller with; hamming takes half the pixels of bicubic into account, and half the
        time. Smaller pictures are always enlarged by bicubic.
    measurements
        Whether the model is meant for them, so that grey of 16 bits that uses little of its scale is taken for a
        detector's counts and not for a dark photograph.
    """

    height: int
    width: int
    resize_shorter: int | None
    central_fraction: float
    background: Literal["black", "white"]
    filter: Filter = "bicubic"
    measurements: bool = False

    def __post_init__(self) -> None:
        """Refuse a window that would reach beyond the picture."""
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
        # In fractions of pixels, so that it is the same part whichever way up the picture is stored.
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
        """The spec for a picture that is stored on its side."""
        return replace(self, height=self.width, width=self.height)


def inside(box: Box, width: float, height: float) -> Box:
    """A window without what reaches beyond the picture."""
    # One as wide as the picture is rounded beyond its edge for many sizes: 29 x 224 / 224 is not 29 to a computer.
    return max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])


def resampling(spec: InputSpec, box: Box) -> Resampling:
    """What the window is scaled with: the model's filter where it gets smaller, both ways, else bicubic."""
    smaller = box[2] - box[0] >= spec.width and box[3] - box[1] >= spec.height
    return _RESAMPLING[spec.filter] if smaller else Resampling.BICUBIC
