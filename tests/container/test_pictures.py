"""Every kind of picture is read in the images: what a package lost, or what loads only when met, is not missed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from infra import ROOT
from skysort.pictures.decode import read
from skysort.pictures.model import PictureModel
from tests.container.conftest import run
from tests.factories_images import encode, fits_file, plain, sky
from tests.heic_files import heic
from tests.icc_profiles import ADOBE_RGB, rgb_profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

SIDE = 192


def gradient() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture in which a turn, a cut or a wrong colour shows."""
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    return np.stack([down, across, 255 - down // 2 - across // 2], axis=2).astype(np.uint8)


def with_profile() -> bytes:
    out = io.BytesIO()
    Image.fromarray(gradient()).save(out, "JPEG", icc_profile=rgb_profile(ADOBE_RGB))
    return out.getvalue()


def tiles() -> bytes:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(sky(), compression_type="RICE_1")]).writeto(out)
    return out.getvalue()


FORMS = {
    "JPEG": lambda: encode(gradient(), "JPEG"),
    "JPEG with a profile": with_profile,
    "PNG": lambda: encode(gradient(), "PNG"),
    "WebP": lambda: encode(gradient(), "WEBP"),
    "TIFF": lambda: encode(gradient(), "TIFF"),
    "GIF": lambda: encode(plain((200, 30, 30)), "GIF"),
    "AVIF": lambda: encode(gradient(), "AVIF"),
    "HEIC": lambda: heic(gradient()),
    "FITS": lambda: fits_file(sky()),
    "FITS in tiles": tiles,
}
READ = """
import json
from pathlib import Path
from skysort.pictures.decode import read
from skysort.pictures.model import PictureModel
spec = PictureModel.load(Path("/var/task/model")).spec
pictures = sorted(Path("/pictures").iterdir())
print(json.dumps({path.name: int(read(path.read_bytes(), spec).pixels.astype(int).sum()) for path in pictures}))
"""


@pytest.mark.parametrize("function", ["galaxy", "image"])
def test_every_kind_of_picture_is_read_in_the_image(function: str, images: Mapping[str, str], tmp_path: Path) -> None:
    # Given
    for name, make in FORMS.items():
        (tmp_path / name).write_bytes(make())
    tmp_path.chmod(0o755)
    spec = PictureModel.load(ROOT / "functions" / function / "model").spec

    # When
    found = json.loads(run(images[function], READ, f"--volume={tmp_path}:/pictures:ro"))

    # Then its pixels are those that are read here
    assert found == {
        path.name: int(read(path.read_bytes(), spec).pixels.astype(int).sum()) for path in tmp_path.iterdir()
    }
