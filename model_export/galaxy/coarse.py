"""``coarse``: decode the Galaxy Zoo 1 pictures and those without labels, and split them beside Galaxy Zoo 2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from model_export.common.cli import OK, log, progress
from model_export.common.files import write_json
from model_export.galaxy import catalogue, coarse_split, readme, split
from model_export.galaxy.data import build, decode_frame
from model_export.galaxy.workspace import COARSE, GZ1_CROPS, UNLABELLED_CROPS, Workspace
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Coarse:
    """The Galaxy Zoo 1 pictures, those without labels, and their parts."""

    gz1: Catalogue
    unlabelled: Catalogue
    crops: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    parts: split.Split

    @property
    def tables(self) -> tuple[Catalogue, Catalogue]:
        """Both catalogues, in the order of `crops`."""
        return self.gz1, self.unlabelled


def load(workspace: Workspace) -> Coarse:
    """What `run` left; a ConfigurationError names the command."""
    if workspace.survey != catalogue.LOCAL:
        raise ConfigurationError("the Galaxy Zoo 1 pictures belong to the data folder; leave out --coarse or --set")
    parts = split.load(coarse_split.FOLDER)
    try:
        gz1, unlabelled = (np.load(workspace.build / name, mmap_mode="r") for name in (GZ1_CROPS, UNLABELLED_CROPS))
    except OSError as problem:
        raise ConfigurationError(
            f"{problem.filename} is missing; run `python -m model_export galaxy coarse` first"
        ) from problem
    tables = catalogue.load_gz1(workspace.data), catalogue.load_unlabelled(workspace.data)
    return Coarse(*tables, (gz1, unlabelled), parts)


def run(options: argparse.Namespace) -> int:
    """Write the crops to the build folder, the lists to splits/coarse and their counts to results/coarse.json."""
    workspace = Workspace.of(options)
    gz1, unlabelled = catalogue.load_gz1(workspace.data), catalogue.load_unlabelled(workspace.data)
    gz2, _ = workspace.catalogues()
    gz2_crops, _ = workspace.crops()
    crops = []
    with progress() as bar:
        for name, table in ((GZ1_CROPS, gz1), (UNLABELLED_CROPS, unlabelled)):
            on_picture = partial(bar.advance, bar.add_task(name, total=len(table)))
            crops.append(build(table, workspace.build / name, decode_frame, on_picture))
    log("looking for pictures of the same sky (two minutes)")
    pairs = coarse_split.same_sky(gz2_crops, *crops)
    fields = [(len(gz2) + one, len(gz2) + other) for one, other in coarse_split.same_field(gz1.identifiers)]
    group = split.groups(len(gz2) + len(gz1) + len(unlabelled), pairs + fields)
    parts = coarse_split.make(gz2, gz1, unlabelled, group, workspace.split())
    split.save(parts, coarse_split.FOLDER)
    names = gz2.identifiers + gz1.identifiers + unlabelled.identifiers
    split.save_pairs([(names[one], names[other]) for one, other in pairs], coarse_split.FOLDER)
    write_json(workspace.results / COARSE, description(gz1, unlabelled, parts, len(pairs)))
    readme.PAGE.fill(workspace.results)
    for name in split.PARTS:
        print(f"{name}: {len(parts.part(name)):,} pictures")
    return OK


def description(gz1: Catalogue, unlabelled: Catalogue, parts: split.Split, pairs: int) -> dict[str, Any]:
    """Counts and hashes of the tables and the parts."""
    return {
        "tables": {
            "galaxy_zoo_1": {"rows": len(gz1), "sha256": gz1.sha256},
            "unlabelled": {"rows": len(unlabelled), "sha256": unlabelled.sha256},
        },
        "same_sky_pairs": pairs,
        "splits": {
            name: {
                "galaxy_zoo_1": dict(sorted(Counter(gz1.source[row] for row in split.rows(listed, gz1)).items())),
                "unlabelled": len(split.rows(listed, unlabelled)),
                "sha256": split.digest(listed),
            }
            for name in split.PARTS
            for listed in (parts.part(name),)
        },
    }
