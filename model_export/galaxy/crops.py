"""Decoded pictures, once and for all: a uint8 array on disk that epochs read from memory.

A training crop is the central 85 % of a Galaxy Zoo 2 frame at the size it is stored in: room to
turn, zoom and shift the half of the frame that the network sees. EFIGI frames are filled by their
galaxy, so they are put small into a black frame, where the galaxy has the size it would have in
Galaxy Zoo 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue

FRAME: Final = 256  # pixels to a side of a stored Galaxy Zoo 2 frame
SIDE: Final = 218
EFIGI_SIDE: Final = 100  # of the 128 pixels that the network sees


def decode_frame(path: Path) -> NDArray[np.uint8]:
    """(218, 218, 3) the middle of a Galaxy Zoo 2 frame."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.size != (FRAME, FRAME):
        picture = picture.resize((FRAME, FRAME), Image.Resampling.BILINEAR, reducing_gap=3.0)
    edge = (FRAME - SIDE) // 2
    return np.asarray(picture.crop((edge, edge, edge + SIDE, edge + SIDE)))


def decode_efigi(path: Path) -> NDArray[np.uint8]:
    """(218, 218, 3) an EFIGI picture in the middle of black."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB").resize((EFIGI_SIDE, EFIGI_SIDE), Image.Resampling.BICUBIC)
    frame = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    edge = (SIDE - EFIGI_SIDE) // 2
    frame[edge : edge + EFIGI_SIDE, edge : edge + EFIGI_SIDE] = np.asarray(picture)
    return frame


def build(
    catalogue: Catalogue,
    path: Path,
    decode: Callable[[Path], NDArray[np.uint8]],
    on_picture: Callable[[], object] | None = None,
) -> NDArray[np.uint8]:
    """Decode every picture of a catalogue into a (n, 218, 218, 3) file, or open the one already there."""
    shape = (len(catalogue), SIDE, SIDE, 3)
    if path.exists():
        held: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        if held.shape == shape:
            return held
    unfinished = path.with_suffix(".part.npy")
    written = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
    for place, file in enumerate(catalogue.files):
        try:
            written[place] = decode(file)
        except OSError as problem:
            raise ConfigurationError(f"{file} cannot be read as a picture: {problem}") from problem
        if on_picture:
            on_picture()
    written.flush()
    del written
    unfinished.rename(path)
    return np.load(path, mmap_mode="r")
