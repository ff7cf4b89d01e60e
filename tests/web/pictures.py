"""Pictures for the page's tests: the rendered samples, turned and dimmed, so that hundreds differ."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageEnhance

from tests.factories_images import fits_file
from tests.heic_files import heic

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload

EVENTS: Final = Path(__file__).resolve().parents[2] / "events"
GALAXIES: Final = ("galaxy_spiral.jpg", "galaxy_elliptical.jpg", "galaxy_edge_on.jpg")

# The rendered sky's mean colour, for the corners that a turn leaves empty.
SKY: Final = (11, 11, 11)


def sample(name: str) -> FilePayload:
    """One of the pictures of events/."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": (EVENTS / name).read_bytes()}


def galaxies(number: int, side: int = 212) -> list[FilePayload]:
    """So many galaxies of the sample kinds, no two alike: each turned by another angle and a little dimmer."""
    originals = [Image.open(EVENTS / name).convert("RGB").resize((side, side)) for name in GALAXIES]
    made: list[FilePayload] = []
    for index in range(number):
        picture = originals[index % len(originals)].rotate(index * 7 % 360, Image.Resampling.BICUBIC, fillcolor=SKY)
        picture = ImageEnhance.Brightness(picture).enhance(1 - index % 50 / 200)
        made.append({"name": f"galaxy-{index:03}.jpg", "mimeType": "image/jpeg", "buffer": _jpeg(picture)})
    return made


def large_photograph(min_bytes: int) -> FilePayload:
    """The traffic light as a PNG of at least so many bytes: noise does not compress."""
    light = Image.open(EVENTS / "traffic_light.jpg").convert("RGB")
    width = int((min_bytes / 3) ** 0.5)
    size = (width, width * 4 // 3)
    grain = np.random.default_rng(0).integers(0, 24, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(np.asarray(light.resize(size)) // 2 + grain)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=0)
    assert file.tell() > min_bytes
    return {"name": "large.png", "mimeType": "image/png", "buffer": file.getvalue()}


def fits_cutout(name: str) -> FilePayload:
    """The spiral as a FITS image of one band."""
    grey = np.asarray(Image.open(EVENTS / GALAXIES[0]).convert("L"), np.float32)
    return {"name": name, "mimeType": "application/fits", "buffer": fits_file(grey[::-1])}


def heic_photograph(name: str) -> FilePayload:
    """The traffic light as a telephone stores it."""
    light = np.asarray(Image.open(EVENTS / "traffic_light.jpg").convert("RGB").resize((256, 256)))
    return {"name": name, "mimeType": "image/heic", "buffer": heic(light)}


def avif_photograph(name: str) -> FilePayload:
    """The traffic light as an AVIF."""
    file = BytesIO()
    Image.open(EVENTS / "traffic_light.jpg").convert("RGB").save(file, "AVIF", speed=10)
    return {"name": name, "mimeType": "image/avif", "buffer": file.getvalue()}


def tiff_file(name: str) -> FilePayload:
    """The elliptical as a TIFF."""
    file = BytesIO()
    Image.open(EVENTS / GALAXIES[1]).convert("RGB").save(file, "TIFF")
    return {"name": name, "mimeType": "", "buffer": file.getvalue()}


def text_file(name: str) -> FilePayload:
    """A file that says it is a picture and is not."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": b"not a picture at all"}


def _jpeg(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=88)
    return file.getvalue()
