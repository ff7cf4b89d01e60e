"""A picture made by arithmetic, for the readiness check and the demonstration: no file to ship, lose or license."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

_SIDE = 160


def sample_picture() -> bytes:
    """A JPEG of an inclined spiral on a dark sky."""
    down, across = np.mgrid[-1.0 : 1.0 : _SIDE * 1j, -1.0 : 1.0 : _SIDE * 1j]
    radius = np.hypot(across, down / 0.7)
    arms = 0.5 + 0.5 * np.cos(2 * np.arctan2(down / 0.7, across) - 9 * radius)
    bulge, disc = np.exp(-((radius / 0.12) ** 2)), np.exp(-radius / 0.22) * (0.4 + 0.6 * arms)
    colours = np.stack([bulge + 0.7 * disc, 0.9 * bulge + 0.75 * disc, 0.7 * bulge + 0.9 * disc], axis=2)
    file = BytesIO()
    Image.fromarray((np.clip(colours * 220 + 8, 0, 255)).astype(np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()
