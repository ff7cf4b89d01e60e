"""What an explanation of a picture shows: a heat map over a window of it, and the window as the model sees it."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.answers import HeatMap
    from skysort.pictures.decode import Picture
    from skysort.pictures.geometry import InputSpec

CLASS_ACTIVATION_MAP: Final = "class activation map"
_HEAT_MAP_SIDE, _VIEW_QUALITY, _WINDOW_DIGITS = 112, 85, 4


def explanation(
    activation: NDArray[np.float32], label: str, picture: Picture, spec: InputSpec, method: str = CLASS_ACTIVATION_MAP
) -> HeatMap:
    """The heat map of one class: its class activation map (Zhou et al. 2016) over the model's window of the picture."""
    left, upper, right, lower = spec.window(picture.width, picture.height)
    view = BytesIO()  # for formats that browsers do not display (FITS, TIFF, HEIC)
    Image.fromarray(picture.pixels).save(view, "JPEG", quality=_VIEW_QUALITY)
    return {
        "method": method,
        "label": label,
        "heat_map": data_url("image/png", heat_map(activation)),
        "view": data_url("image/jpeg", view.getvalue()),
        "window": {
            "left": round(left / picture.width, _WINDOW_DIGITS),
            "upper": round(upper / picture.height, _WINDOW_DIGITS),
            "right": round(right / picture.width, _WINDOW_DIGITS),
            "lower": round(lower / picture.height, _WINDOW_DIGITS),
        },
    }


def data_url(media_type: str, content: bytes) -> str:
    """A file as a URL that contains it (RFC 2397)."""
    return f"data:{media_type};base64," + base64.b64encode(content).decode("ascii")


def heat_map(activation: NDArray[np.float32]) -> bytes:
    """A PNG from transparent black over red and yellow to white; negative evidence is left out."""
    strength = np.clip(np.nan_to_num(activation), 0.0, None)
    strength /= max(float(strength.max()), float(np.finfo(np.float32).tiny))
    height, width = activation.shape
    size = (_HEAT_MAP_SIDE, max(1, round(_HEAT_MAP_SIDE * height / width)))
    smooth = Image.fromarray((strength * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    # Black, red, yellow, white: brightness rises monotonically, so that it reads in greyscale as well.
    level = np.arange(256)
    ramps = np.stack([level * 3, level * 3 - 255, level * 3 - 510], axis=1)
    smooth.putpalette(np.clip(ramps, 0, 255).astype(np.uint8).tobytes())
    file = BytesIO()
    # Opacity rises with activation: the picture shows through where the map is low.
    smooth.save(file, "PNG", transparency=bytes(min(255, level * 3 // 2) for level in range(256)))
    return file.getvalue()
