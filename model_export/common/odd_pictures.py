"""Pictures that show nothing that a model knows: empty frames, noise, patterns, text, charts and screens.

Each function draws an (h, w, 3) uint8 picture. They fit and measure typicality; nothing of them is kept.
"""

from __future__ import annotations

import string
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Draw = Callable[[np.random.Generator], Pixels]

SIDES: Final = (64, 100, 128, 160, 200, 256, 320)
LETTERS: Final = np.array(list(string.ascii_lowercase + "      etaoin"))
WHITE: Final = 255
LEAST_CORNERS: Final = 2
KINDS_OF_CHART: Final = ("line", "bars", "points", "scattered", "pie")


def blank(draw: np.random.Generator) -> Pixels:
    """One colour, often white, black or grey, with no noise or next to none."""
    height, width = _size(draw)
    kind = draw.integers(4)
    colour = (
        np.zeros(3), np.full(3, 255.0), np.full(3, draw.uniform(0, 255)), draw.uniform(0, 255, 3),
    )[kind]  # fmt: skip
    noise = draw.choice([0.0, 0.0, 1.0, 2.0]) * draw.standard_normal((height, width, 3))
    return to_pixels(colour + noise)


def gradient(draw: np.random.Generator) -> Pixels:
    """A smooth change from one colour to another, straight or round."""
    height, width = _size(draw)
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = draw.uniform(0, 2 * np.pi)
    place = across * np.cos(angle) + down * np.sin(angle)
    if happens(draw, 0.3):
        place = np.hypot(across - draw.uniform(-2, 2), down - draw.uniform(-2, 2))
    share = ((place - place.min()) / np.ptp(place))[..., np.newaxis]
    first, second = _colour(draw), _colour(draw)
    return to_pixels(first * share + second * (1 - share) + draw.uniform(0, 3) * draw.standard_normal(share.shape))


def noise(draw: np.random.Generator) -> Pixels:
    """Noise of any strength, size and colour."""
    height, width = _size(draw)
    values: NDArray[Any] = draw.standard_normal((height, width, 1 if happens(draw, 0.3) else 3))
    match draw.integers(4):
        case 1:
            values = draw.uniform(-1.7, 1.7, values.shape)
        case 2:
            values = 3.0 * (draw.random(values.shape) < draw.uniform(0.01, 0.5))
    values = smooth(values, draw.choice([0, 0, 0.7, 1.5, 4, 12]))
    return to_pixels(_colour(draw) + draw.uniform(5, 90) * values / max(float(values.std()), 1e-6) + np.zeros(3))


def pattern(draw: np.random.Generator) -> Pixels:
    """Stripes, a chess board, a grid, a test card, a code of squares."""
    height, width = _size(draw)
    period = draw.uniform(2, 80)
    down, across = np.mgrid[:height, :width]
    turned = across * np.cos(angle := draw.uniform(0, np.pi)) + down * np.sin(angle)
    match draw.integers(5):
        case 0:
            share = (np.sin(2 * np.pi * turned / period) > draw.uniform(-0.8, 0.8)).astype(float)
        case 1:
            share = ((across // period + down // period) % 2).astype(float)
        case 2:
            share = ((across % period < period / 10) | (down % period < period / 10)).astype(float)
        case 3:
            bars = draw.uniform(0, 255, (8, 3))
            return to_pixels(bars[(8 * across // width).clip(0, 7)])
        case _:
            cells = draw.integers(0, 2, (40, 40))
            share = cells[(down * 40 // height), (across * 40 // width)].astype(float)
    return to_pixels(_colour(draw) * share[..., np.newaxis] + _colour(draw) * (1 - share[..., np.newaxis]))


def text(draw: np.random.Generator) -> Pixels:
    """A page of text, dark on light or light on dark, sometimes scanned."""
    picture, pen, ink = _page(draw)
    size = int(draw.choice([8, 10, 12, 16, 20, 28, 40, 72]))
    font = _font(size)
    margin = int(draw.integers(0, 40))
    for line in range(margin, picture.height - margin, int(size * draw.uniform(1.1, 1.8))):
        if happens(draw, 0.9):
            pen.text((margin, line), _words(draw, int(draw.integers(4, 90))), ink, font)
    return _scanned(picture, draw)


def chart(draw: np.random.Generator) -> Pixels:
    """Axes with lines, bars, points or an image; a pie."""
    picture, pen, ink = _page(draw)
    width, height = picture.size
    left, bottom = int(0.12 * width), int(0.88 * height)
    font = _font(max(8, height // 30))
    kind = draw.choice(KINDS_OF_CHART)
    if kind == "pie":
        start = 0.0
        for share in draw.dirichlet(np.ones(draw.integers(2, 8))):
            pen.pieslice((left, left, bottom, bottom), start, start + 360 * share, _ink(draw))
            start += 360 * share
        return _scanned(picture, draw)
    pen.line([(left, left // 3), (left, bottom), (width - left // 3, bottom)], ink, 1 + width // 300)
    for tick in np.linspace(0, 1, 6):
        pen.text((left // 4, bottom - tick * (bottom - left)), f"{tick:.1f}", ink, font)
        pen.text((left + tick * (width - 2 * left), bottom + 2), f"{10 * tick:.0f}", ink, font)
    count = int(draw.integers(5, 300))
    across = np.linspace(left, width - left, count)
    for _ in range(draw.integers(1, 4)):
        values = np.cumsum(draw.standard_normal(count)) if happens(draw, 0.6) else draw.standard_normal(count)
        values = (values - values.min()) / max(float(np.ptp(values)), 1e-6)
        ends = bottom - values * (bottom - left)
        colour = _ink(draw)
        if kind == "line":
            pen.line(list(zip(across, ends, strict=True)), colour, int(draw.integers(1, 4)))
        elif kind == "bars":
            for x, y in zip(across, ends, strict=True):
                pen.rectangle((x, min(y, bottom - 1), x + 0.7 * (width - 2 * left) / count, bottom), colour)
        else:
            for x, y in zip(draw.permutation(across) if kind == "scattered" else across, ends, strict=True):
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), colour)
    pen.text((width // 3, 2), _words(draw, 20), ink, font)
    return _scanned(picture, draw)


def screen(draw: np.random.Generator) -> Pixels:
    """A window of a program: bars, panels, buttons and labels."""
    picture, pen, ink = _page(draw)
    width, height = picture.size
    font = _font(int(draw.integers(8, 18)))
    for _ in range(draw.integers(4, 16)):
        x, y = draw.uniform(0, width), draw.uniform(0, height)
        pen.rectangle((x, y, x + draw.uniform(20, width), y + draw.uniform(10, height / 2)), _ink(draw), ink)
    for _ in range(draw.integers(5, 40)):
        pen.text((draw.uniform(0, width), draw.uniform(0, height)), _words(draw, int(draw.integers(3, 25))), ink, font)
    pen.rectangle((0, 0, width, height // 15), _ink(draw))
    return _scanned(picture, draw)


def drawing(draw: np.random.Generator) -> Pixels:
    """Scribbles and plain shapes, as in a logo or a sketch."""
    picture, pen, ink = _page(draw)
    width, height = picture.size
    for _ in range(draw.integers(1, 8)):
        points = draw.uniform(0, 1, (int(draw.integers(2, 12)), 2)) * (width, height)
        (x, y), (u, v) = points[:2]
        box = min(x, u), min(y, v), max(x, u) + 1, max(y, v) + 1
        match draw.integers(4):
            case 0:
                pen.line([tuple(point) for point in points], ink, int(draw.integers(1, 12)), "curve")
            case 1:
                pen.ellipse(box, _ink(draw) if happens(draw, 0.7) else None, ink)
            case 2 if len(points) > LEAST_CORNERS:
                pen.polygon([tuple(point) for point in points], _ink(draw), ink)
            case _:
                pen.rectangle(box, _ink(draw) if happens(draw, 0.7) else None, ink, int(draw.integers(1, 6)))
    return _scanned(picture, draw)


EMPTY: Final[Mapping[str, Draw]] = {"blank frames": blank, "gradients": gradient}
NOISE: Final[Mapping[str, Draw]] = {"noise": noise, "patterns": pattern}
DOCUMENTS: Final[Mapping[str, Draw]] = {
    "text": text,
    "charts": chart,
    "screens": screen,
    "drawings": drawing,
}


def happens(draw: np.random.Generator, share: float) -> bool:
    """Whether something happens that does in a share of the pictures."""
    return bool(draw.random() < share)


def _size(draw: np.random.Generator) -> tuple[int, int]:
    height = int(draw.choice(SIDES))
    return (height, height) if happens(draw, 0.6) else (height, int(draw.choice(SIDES)))


def _colour(draw: np.random.Generator) -> NDArray[np.float64]:
    return np.full(3, draw.uniform(0, 255)) if happens(draw, 0.5) else draw.uniform(0, 255, 3)


def _ink(draw: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = draw.integers(0, 256, 3).tolist()
    return red, green, blue


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _words(draw: np.random.Generator, letters: int) -> str:
    return "".join(draw.choice(LETTERS, letters))


def _page(draw: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int]]:
    """A page, what draws on it, and an ink that can be read there."""
    height, width = (max(side, 128) for side in _size(draw))
    if happens(draw, 0.7):
        paper, ink = tuple(draw.integers(225, 256, 3).tolist()), tuple(draw.integers(0, 90, 3).tolist())
    else:
        paper, ink = tuple(draw.integers(0, 60, 3).tolist()), tuple(draw.integers(150, 256, 3).tolist())
    picture = Image.new("RGB", (width, height), paper)
    return picture, ImageDraw.Draw(picture), (ink[0], ink[1], ink[2])


def _scanned(picture: Image.Image, draw: np.random.Generator) -> Pixels:
    if happens(draw, 0.3):
        ground = picture.getpixel((0, 0))
        picture = picture.rotate(draw.uniform(-8, 8), Image.Resampling.BILINEAR, fillcolor=ground)
    if happens(draw, 0.3):
        picture = picture.filter(ImageFilter.GaussianBlur(draw.uniform(0.3, 1.5)))
    return to_pixels(
        np.asarray(picture) + draw.choice([0, 0, 3, 10]) * draw.standard_normal((picture.height, picture.width, 1))
    )


def smooth(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gaussian smoothing over the first two axes, by way of the Fourier transform."""
    if not sigma:
        return values
    down, across = (np.fft.fftfreq(size) for size in values.shape[:2])
    damping = np.exp(-2 * (np.pi * sigma) ** 2 * (down[:, np.newaxis] ** 2 + across**2))
    return np.asarray(np.fft.ifft2(np.fft.fft2(values, axes=(0, 1)) * damping[..., np.newaxis], axes=(0, 1)).real)


def to_pixels(values: NDArray[Any]) -> Pixels:
    """Values from 0 to 255 as pixels; those beyond are clipped."""
    return np.clip(np.round(values), 0, WHITE).astype(np.uint8)
