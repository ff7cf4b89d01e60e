"""The sets of pictures that the commands work on: those of the data folder, or a full public set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy import catalogue, split
from model_export.galaxy.catalogue import Catalogue
from model_export.galaxy.labels import ANSWERS, CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE: Final = "here"  # galaxy/ and galaxy_efigi/ of the data folder; the artefact that ships is trained on them
GZ2: Final = "gz2"
GALAXY10: Final = "galaxy10"
PUBLIC: Final = (GZ2, GALAXY10)
# What the table with the class labels is called in results and cards.
TABLES: Final = {
    HERE: "galaxy_zoo_2",
    GZ2: "galaxy_zoo_2_in_full",
    GALAXY10: "galaxy10_decals",
}
# CosmoFormer's parts of the 209,293 galaxies of galaxy-datasets: 125,575, 41,859 and 41,859.
HELD: Final = 0.2


def catalogues(survey: str, data: Path, public: Path) -> tuple[Catalogue, Catalogue]:
    """The pictures with class labels, and EFIGI's beside them, of which a public set has none.

    data: the survey data. public: where `download` put the set. Raises ConfigurationError.
    """
    if survey == HERE:
        return catalogue.load_gz2(data), catalogue.load_efigi(data)
    return _loader(survey)(public), nothing()


def _loader(survey: str) -> Callable[[Path], Catalogue]:
    # Imported late: the packages that read them are in the training environment alone.
    if survey == GZ2:
        from model_export.galaxy.public import gz2  # noqa: PLC0415

        return gz2.catalogue
    from model_export.galaxy.public import galaxy10  # noqa: PLC0415

    return galaxy10.catalogue


def nothing() -> Catalogue:
    """A catalogue of no pictures."""
    return Catalogue(
        (),
        (),
        np.zeros(0, dtype=np.int64),
        np.zeros((0, len(CLASSES)), dtype=np.bool_),
        np.zeros((0, len(ANSWERS))),
        (),
        "",
    )


def deal(found: Catalogue, seed: int = split.SEED) -> split.Split:
    """Train, validation and test in CosmoFormer's proportions; its own lists were not published.

    Dealt out by a hash of the names, whatever their classes; pictures of none of the eight are left out.
    """
    names = [name for name, exact in zip(found.identifiers, found.exact, strict=True) if exact]
    names.sort(key=lambda name: split.place_hash(name, seed))
    held = int(np.ceil(HELD * len(names)))
    without = tuple(sorted(set(found.identifiers) - set(names)))
    return split.Split(
        train=tuple(sorted(names[2 * held :])),
        validation=tuple(sorted(names[held : 2 * held])),
        test=tuple(sorted(names[:held])),
        left_out=without,
    )
