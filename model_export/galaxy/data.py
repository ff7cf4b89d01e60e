"""``data``: decode the pictures once, find those of the same sky, and split them.

The decoded pictures are memory-mapped uint8 arrays.

A training crop is the central 85 % of a Galaxy Zoo 2 frame at its stored size, which leaves room to
rotate, zoom and shift the half of the frame that the network sees. In EFIGI pictures the galaxy
fills the frame, so they are scaled down into a black frame, to the size the galaxy would have in
Galaxy Zoo 2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from model_export.common.cli import OK, log, progress
from model_export.common.files import write_json
from model_export.galaxy import catalogue, readme, split
from model_export.galaxy.workspace import EFIGI_CROPS, GZ2_CROPS, Workspace
from skysort.errors import ConfigurationError
from skysort.pictures.geometry import InputSpec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue


FRAME: Final = 256  # side of a stored Galaxy Zoo 2 frame, in pixels
SIDE: Final = 218
EFIGI_SIDE: Final = 100  # of the 128 pixels that the network sees
# A Galaxy Zoo 2 frame is 8.5 Petrosian radii wide; its middle half holds the galaxy.
CENTRAL_FRACTION: Final = 0.5
DATA: Final = "data.json"


def spec(side: int) -> InputSpec:
    """Input geometry: the central half of a frame, scaled to the network's input."""
    return InputSpec(side, side, None, CENTRAL_FRACTION, "black", measurements=True)


def decode_frame(path: Path) -> NDArray[np.uint8]:
    """(218, 218, 3) the centre of a Galaxy Zoo 2 frame."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.size != (FRAME, FRAME):
        picture = picture.resize((FRAME, FRAME), Image.Resampling.BILINEAR, reducing_gap=3.0)
    edge = (FRAME - SIDE) // 2
    return np.asarray(picture.crop((edge, edge, edge + SIDE, edge + SIDE)))


def decode_efigi(path: Path) -> NDArray[np.uint8]:
    """(218, 218, 3) an EFIGI picture centred on black."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB").resize((EFIGI_SIDE, EFIGI_SIDE), Image.Resampling.BICUBIC)
    frame = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    edge = (SIDE - EFIGI_SIDE) // 2
    frame[edge : edge + EFIGI_SIDE, edge : edge + EFIGI_SIDE] = np.asarray(picture)
    return frame


def build(
    table: Catalogue,
    path: Path,
    decode: Callable[[Path], NDArray[np.uint8]],
    on_picture: Callable[[], object] = lambda: None,
) -> NDArray[np.uint8]:
    """Decode every picture of a catalogue into an (n, 218, 218, 3) file, or open an existing one."""
    shape = (len(table), SIDE, SIDE, 3)
    if path.exists():
        crops: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        if crops.shape == shape:
            return crops
    unfinished = path.with_suffix(".part.npy")
    written = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
    for index, file in enumerate(table.files):
        try:
            written[index] = decode(file)
        except OSError as problem:
            raise ConfigurationError(f"{file} cannot be read as a picture: {problem}") from problem
        on_picture()
    written.flush()
    del written
    unfinished.rename(path)
    return np.load(path, mmap_mode="r")


def run(options: argparse.Namespace) -> int:
    """Write the crops to the build folder, the lists to splits/ and their counts to results/data.json."""
    workspace = Workspace.of(options)
    gz2, efigi = workspace.catalogues()
    with progress() as bar:
        crops = [
            build(table, workspace.build / name, decode, partial(bar.advance, bar.add_task(name, total=len(table))))
            for name, table, decode in ((GZ2_CROPS, gz2, decode_frame), (EFIGI_CROPS, efigi, decode_efigi))
        ]
    lists = options.splits or workspace.lists
    if workspace.survey == catalogue.LOCAL:
        log("looking for pictures of the same sky (two minutes)")
        pairs = split.same_sky(*crops)
        parts = split.make(gz2, efigi, split.groups(len(gz2) + len(efigi), pairs))
        split.save(parts, lists)
        names = gz2.identifiers + efigi.identifiers
        split.save_pairs([(names[one], names[other]) for one, other in pairs], lists)
    else:  # these catalogues list each galaxy once, and are too large for pairwise comparison
        pairs, parts = None, split.deal(gz2)
        split.save(parts, lists)
    write_json(workspace.results / DATA, description(gz2, efigi, parts, pairs, workspace.survey))
    readme.PAGE.fill(workspace.results)
    for name in split.PARTS:
        print(f"{name}: {len(parts.part(name)):,} pictures")
    return OK


def description(
    gz2: Catalogue,
    efigi: Catalogue,
    parts: split.Split,
    pairs: list[tuple[int, int]] | None = None,
    survey: str = catalogue.LOCAL,
) -> dict[str, Any]:
    """Counts and hashes of the tables and the parts."""
    table = catalogue.TABLES[survey]
    described: dict[str, Any] = {
        "tables": {
            table: {"rows": len(gz2), "exact": int(gz2.exact.sum()), "sha256": gz2.sha256},
            "efigi": {"rows": len(efigi), "with_class": int(efigi.exact.sum()), "sha256": efigi.sha256},
        },
        "seed": split.SEED,
        "splits": {
            name: {
                "rows": len(parts.part(name)),
                table: split.counts(gz2, split.rows(parts.part(name), gz2)),
                "efigi": len(split.rows(parts.part(name), efigi)),
                "sha256": split.digest(parts.part(name)),
            }
            for name in split.PARTS
        },
    }
    if pairs is not None:
        described["same_sky_pairs"] = {
            "within_galaxy_zoo_2": sum(other < len(gz2) for _, other in pairs),
            "across": sum(one < len(gz2) <= other for one, other in pairs),
            "within_efigi": sum(one >= len(gz2) for one, _ in pairs),
        }
    return described
