"""tests/galaxies: a labelled set to try training on, and two new pictures: discs with and without a ring, computed.

    python -m tests.rendered_rings

writes them anew. The rings differ in size, brightness and inclination; a few are faint, as real ones are.
"""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from tests.rendered import jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER: Final = Path(__file__).resolve().parent / "galaxies"
FILE: Final = FOLDER / "rings.zip"
SIDE: Final = 96
A_CLASS: Final = 24
SEED: Final = 11
_TIME: Final = (2026, 1, 1, 0, 0, 0)


def galaxy(random: np.random.Generator, *, ring: bool) -> Image.Image:
    """A disc with a bulge and weak arms, inclined at random; with or without a ring around it."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    turn, flat = random.uniform(0, np.pi), random.uniform(1.0, 1.7)
    along = across * np.cos(turn) + down * np.sin(turn)
    off = (down * np.cos(turn) - across * np.sin(turn)) * flat
    radius, angle = np.hypot(along, off), np.arctan2(off, along)
    scale = random.uniform(5.5, 7.5)
    arms = np.cos(2 * (angle - 2.5 * np.log(radius + 2) - random.uniform(0, 3))) * random.uniform(0.1, 0.5)
    light = 1.3 * np.exp(-((radius / random.uniform(1.8, 3)) ** 0.9))
    light += 0.35 * np.exp(-radius / scale) * (1 + arms * np.clip(radius / 8, 0, 1))
    if ring:
        at, width = random.uniform(12, 19), random.uniform(1.3, 2.4)
        light += random.uniform(0.02, 0.2) * np.exp(-0.5 * ((radius - at) / width) ** 2)
    return Image.fromarray(_colours(light, random))


def _colours(light: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.uint8]:
    """Three bands of noisy sky, stretched as SDSS's colour pictures are."""
    bands = [light * share + random.normal(0.012, 0.008, light.shape) for share in (0.95, 0.8, 0.65)]
    stretched = [np.arcsinh(np.clip(band, 0, None) * 12) / np.arcsinh(12.0) for band in bands]
    return np.asarray(np.clip(np.stack(stretched, axis=2), 0, 1) * 255, dtype=np.uint8)


def pictures() -> dict[str, bytes]:
    """The members of the zip: a JPEG by its class and number."""
    random = np.random.default_rng(SEED)
    return {
        f"{label}/{number:02}.jpg": jpeg(galaxy(random, ring=label == "ring"), quality=80)
        for label in ("no_ring", "ring")
        for number in range(A_CLASS)
    }


def new() -> dict[str, bytes]:
    """Pictures that are not in the zip, by their files' names."""
    random = np.random.default_rng(SEED + 1)
    return {f"new_{label}.jpg": jpeg(galaxy(random, ring=label == "ring"), quality=80) for label in ("no_ring", "ring")}


def archive() -> bytes:
    """The zip, without times."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name, content in pictures().items():
            members.writestr(zipfile.ZipInfo(name, _TIME), content)
    return file.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(archive())
    for file_name, picture in new().items():
        (FOLDER / file_name).write_bytes(picture)
