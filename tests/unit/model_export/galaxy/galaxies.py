"""Small catalogues and pictures for the tests of the galaxy model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_export.galaxy.catalogue import Catalogue
from model_export.galaxy.data import SIDE
from model_export.galaxy.labels import ANSWERS, CLASSES, INDEX, PARTIAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def catalogue(labels: Sequence[str], survey: str = "gz2", source: str = "full_votes") -> Catalogue:
    """One picture a label, exact or partial or "" for none, without votes."""
    allowed = np.ones((len(labels), len(CLASSES)), dtype=np.bool_)
    for row, label in enumerate(labels):
        if label:
            allowed[row] = [name in PARTIAL.get(label, (label,)) for name in CLASSES]
    return Catalogue(
        tuple(f"{survey}:{row:06d}" for row in range(len(labels))),
        tuple(Path(f"{row}.webp") for row in range(len(labels))),
        np.array([INDEX.get(label, -1) for label in labels], dtype=np.int64),
        allowed,
        np.full((len(labels), len(ANSWERS)), np.nan),
        (source,) * len(labels),
        "0" * 64,
    )


def votes(**fractions: float) -> NDArray[np.float64]:
    """(1, 37) vote fractions; answers that are not named have none. Names are as in ``Class1_1=0.8``."""
    row = np.zeros((1, len(ANSWERS)))
    for name, fraction in fractions.items():
        row[0, ANSWERS.index(name.replace("_", "."))] = fraction
    return row


def sky(seed: int, count: int) -> NDArray[np.uint8]:
    """(count, 218, 218, 3) one bright blob in the middle of each, with stars of its own around it."""
    generator = np.random.default_rng(seed)
    down, across = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    pictures = []
    for _ in range(count):
        light = 150 * np.exp(-(down**2 + across**2) / (2 * generator.uniform(14, 18) ** 2))
        for y, x in generator.uniform(-90, 90, (30, 2)):
            light += 100 * np.exp(-((down - y) ** 2 + (across - x) ** 2) / 18)
        pictures.append(light)
    return np.repeat(np.clip(np.stack(pictures), 0, 255).astype(np.uint8)[..., None], 3, axis=3)
