from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from model_export.galaxy import data
from model_export.galaxy.data import spec
from skysort.errors import ConfigurationError
from skysort.pictures.decode import decode
from tests.unit.model_export.galaxy.galaxies import catalogue

if TYPE_CHECKING:
    from pathlib import Path


def picture(path: Path, side: int) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_training_sees_the_pixels_that_a_request_sees(tmp_path: Path) -> None:
    # Given a frame of the stored size
    path = picture(tmp_path / "frame.png", data.FRAME)
    # When
    crop = data.decode_frame(path)
    served = decode(path.read_bytes(), spec(128))
    # Then the middle of the training crop is what is served, to the bit
    edge = (data.SIDE - 128) // 2
    assert np.array_equal(crop[edge : edge + 128, edge : edge + 128], served)


def test_an_efigi_picture_is_put_into_the_middle_of_black(tmp_path: Path) -> None:
    crop = data.decode_efigi(picture(tmp_path / "efigi.png", 88))
    edge = (data.SIDE - data.EFIGI_SIDE) // 2
    assert crop.shape == (data.SIDE, data.SIDE, 3)
    assert not crop[:edge].any()
    assert crop[edge : edge + data.EFIGI_SIDE, edge : edge + data.EFIGI_SIDE].any()


def test_crops_are_decoded_once(tmp_path: Path) -> None:
    # Given
    files = (picture(tmp_path / "a.png", data.FRAME), picture(tmp_path / "b.png", 424))
    rows = replace(catalogue(["irregular", "irregular"]), files=files)
    built = data.build(rows, tmp_path / "crops.npy", data.decode_frame)
    # When the pictures are gone
    for file in files:
        file.unlink()
    again = data.build(rows, tmp_path / "crops.npy", data.decode_frame)
    # Then
    assert np.array_equal(built, again)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.webp"
    broken.write_bytes(b"no picture")
    rows = replace(catalogue(["irregular"]), files=(broken,))
    with pytest.raises(ConfigurationError, match="broken"):
        data.build(rows, tmp_path / "crops.npy", data.decode_frame)
