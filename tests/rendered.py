"""The sample pictures of events/, rendered by arithmetic: nobody else's pictures ship.

    python -m tests.rendered

writes them anew. Galaxies have the profiles that real ones have: exponential discs (Freeman 1970) and
de Vaucouleurs' R^1/4 ellipticals, on noisy sky.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

Light = NDArray[np.float64]
FOLDER: Final = Path(__file__).resolve().parents[1] / "events"
# A Galaxy Zoo 2 cutout is 424 pixels to a side, the galaxy in its middle.
SIDE: Final = 424
SEED: Final = 7
OVERSAMPLING: Final = 3


def spiral() -> Image.Image:
    """A face-on disc of exponential profile with two blue arms and a red bulge."""
    across, down = _axes()
    radius, angle = np.hypot(across, down), np.arctan2(down, across)
    arms = np.exp(1.6 * (np.cos(2 * (angle - 3.0 * np.log(radius + 6))) - 1)) * np.clip((radius - 10) / 14, 0, 1)
    disc = np.exp(-radius / 26)
    bulge = np.exp(-((radius / 6) ** 0.9))
    clumps = np.clip(1 + 0.3 * _noise(3), 0.3, 2)
    return _sky(bulge * 1.6 + disc * 0.3 + disc * arms * clumps * 0.9, blue=arms)


def elliptical() -> Image.Image:
    """A round elliptical of de Vaucouleurs' profile."""
    across, down = _axes()
    radius = np.hypot(across, down)
    return _sky(2.2 * np.exp(-7.67 * (((radius + 1) / 26) ** 0.25 - 1)) / 60, blue=np.zeros_like(radius))


def edge_on() -> Image.Image:
    """A disc seen from its side, with a small bulge."""
    across, down = _axes()
    along, off = (across + 0.5 * down) / 1.118, (down - 0.5 * across) / 1.118
    disc = np.exp(-np.abs(along) / 28) / np.cosh(off / 3.2) ** 2
    bulge = np.exp(-((np.hypot(along, off * 1.4) / 7) ** 1.2))
    return _sky(1.2 * disc + 0.8 * bulge, blue=np.clip(np.abs(along) / 80, 0, 0.7))


def traffic_light() -> Image.Image:
    """A traffic light that shows red, before an evening sky: the nearest to a photograph that a few shapes come."""
    width, height = 480 * OVERSAMPLING, 640 * OVERSAMPLING
    fade = np.linspace(0, 1, height)[:, np.newaxis, np.newaxis]
    sky = np.array([[[92, 128, 176]]]) * (1 - fade) + np.array([[[214, 190, 170]]]) * fade
    picture = Image.fromarray(np.repeat(sky, width, axis=1).astype(np.uint8))
    draw = ImageDraw.Draw(picture)

    def box(left: float, upper: float, right: float, lower: float) -> tuple[float, float, float, float]:
        return left * OVERSAMPLING, upper * OVERSAMPLING, right * OVERSAMPLING, lower * OVERSAMPLING

    draw.rectangle(box(228, 470, 252, 640), fill=(70, 72, 74))
    draw.rounded_rectangle(box(158, 96, 322, 492), 26 * OVERSAMPLING, fill=(28, 30, 30))
    draw.rounded_rectangle(box(168, 106, 312, 482), 20 * OVERSAMPLING, fill=(40, 43, 42))
    for row, colour in enumerate([(255, 44, 30), (74, 58, 18), (16, 62, 40)]):
        middle = 172 + row * 122
        draw.pieslice(box(182, middle - 60, 298, middle + 56), 180, 360, fill=(14, 15, 15))
        for step in range(24):
            size = 48 - step * 1.4
            shade = tuple(min(255, int(part * (0.8 + step * 0.02))) for part in colour)
            draw.ellipse(box(240 - size, middle - size, 240 + size, middle + size), fill=shade)
    grain = np.asarray(picture.resize((480, 640), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.7)))
    noise = np.random.default_rng(SEED).normal(0, 3, grain.shape)
    return Image.fromarray(np.clip(grain + noise, 0, 255).astype(np.uint8))


def _axes() -> tuple[Light, Light]:
    """Pixels across and down from the middle."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    return across, down


def _noise(smooth: float) -> Light:
    """Smooth noise of about unit spread."""
    random = np.random.default_rng(SEED).normal(0, 1, (SIDE, SIDE))
    blurred = _blur(random, smooth)
    return blurred / float(blurred.std())


def _blur(values: Light, sigma: float) -> Light:
    """A Gaussian blur, one axis after the other."""
    reach = np.arange(-int(3 * sigma) - 1, int(3 * sigma) + 2)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2)
    for axis in (0, 1):
        values = np.apply_along_axis(np.convolve, axis, values, kernel / kernel.sum(), "same")
    return values


def _sky(light: Light, blue: Light) -> Image.Image:
    """A galaxy as SDSS's colour pictures show it: seeing, noise, an asinh stretch.

    light: (side, side), 1 is bright. blue: the share of young stars, 0 to 1.
    """
    random = np.random.default_rng(SEED)
    bands = []
    for old, young in ((1.0, 0.75), (0.8, 0.8), (0.55, 0.9)):
        band = light * (old + (young - old) * np.clip(blue, 0, 1))
        seen = _blur(band, 1.4) + random.normal(0.012, 0.005, band.shape)
        bands.append(np.arcsinh(np.clip(seen, 0, None) * 12) / np.arcsinh(12.0))
    return Image.fromarray((np.clip(np.stack(bands, axis=2), 0, 1) * 255).astype(np.uint8))


SAMPLES: Final[dict[str, Callable[[], Image.Image]]] = {
    "galaxy_spiral.jpg": spiral,
    "galaxy_elliptical.jpg": elliptical,
    "galaxy_edge_on.jpg": edge_on,
    "traffic_light.jpg": traffic_light,
}


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    """A picture as a JPEG file."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def main() -> None:
    """Write every sample."""
    for name, render in SAMPLES.items():
        (FOLDER / name).write_bytes(jpeg(render()))


if __name__ == "__main__":
    main()
