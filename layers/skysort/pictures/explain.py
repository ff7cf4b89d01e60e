"""What a model looked at, and where it saw a class: a class activation map (Zhou et al. 2016) as a small PNG."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.pictures.decode import Picture
    from skysort.pictures.geometry import InputSpec

METHOD: Final = "class activation map"
_SIDE: Final = 112
_DIGITS: Final = 4
_VIEW_QUALITY: Final = 85


def explanation(activation: NDArray[np.float32], label: str, picture: Picture, spec: InputSpec) -> dict[str, Any]:
    """The map of one class, ready to be laid over the picture.

    activation: (h, w) float32. The answer's window says which part of the upright picture the map covers,
    as fractions of its width and height; its view is that part as the model was given it, for formats that a browser
    does not show (FITS, TIFF, HEIC).
    """
    left, upper, right, lower = spec.window(picture.width, picture.height)
    return {
        "method": METHOD,
        "label": label,
        "heat_map": "data:image/png;base64," + base64.b64encode(heat_map(activation)).decode("ascii"),
        "view": "data:image/jpeg;base64," + base64.b64encode(_jpeg(picture.pixels)).decode("ascii"),
        "window": {
            "left": round(left / picture.width, _DIGITS),
            "upper": round(upper / picture.height, _DIGITS),
            "right": round(right / picture.width, _DIGITS),
            "lower": round(lower / picture.height, _DIGITS),
        },
    }


def heat_map(activation: NDArray[np.float32]) -> bytes:
    """A PNG from transparent black over red and yellow to white; what speaks against the class is left out."""
    strength = np.clip(np.nan_to_num(activation), 0.0, None)
    strength /= max(float(strength.max()), float(np.finfo(np.float32).tiny))
    height, width = activation.shape
    size = (_SIDE, max(1, round(_SIDE * height / width)))
    smooth = Image.fromarray((strength * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    smooth.putpalette(_palette())
    file = BytesIO()
    # The warmer, the more opaque: laid over the picture, cold parts show it as it is.
    smooth.save(file, "PNG", transparency=bytes(min(255, level * 3 // 2) for level in range(256)))
    return file.getvalue()


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_VIEW_QUALITY)
    return file.getvalue()


def _palette() -> bytes:
    """Black, red, yellow, white: brightness rises all the way, so that it can be read in grey as well."""
    level = np.arange(256)
    ramps = np.stack([level * 3, level * 3 - 255, level * 3 - 510], axis=1)
    return np.clip(ramps, 0, 255).astype(np.uint8).tobytes()
