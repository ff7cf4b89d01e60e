"""Examples of known classes, for the tests of learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Blocks = dict[str, NDArray[np.float32]]


def clouds(
    classes: int = 3, each: int = 20, *, apart: float = 2.0, seed: int = 1, useless: int = 30
) -> tuple[Blocks, NDArray[np.int64]]:
    """Gaussian clouds, told apart by the block "shape" alone; "sky" is noise."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    centres = np.random.default_rng(99).normal(0, apart, (classes, 8))
    shape = centres[labels] + generator.normal(0, 1, (len(labels), 8))
    shape = np.hstack([shape, generator.normal(0, 1, (len(labels), 40))]) + 5.0
    sky = generator.normal(2, 3, (len(labels), useless))
    return {"sky": sky.astype(np.float32), "shape": shape.astype(np.float32)}, labels
