"""Networks over many photographs, a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from model_export.image.minimalistic import normalised

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnxruntime
    from numpy.typing import NDArray
    from torch import nn

BATCH: Final = 16


def logits(
    network: nn.Module, pixels: NDArray[np.uint8], on_batch: Callable[[int], object] | None = None
) -> NDArray[np.float32]:
    """(n, h, w, 3) uint8 -> (n, classes) logits of a network in evaluation mode."""
    network.eval()
    found = []
    for start in range(0, len(pixels), BATCH):
        batch = pixels[start : start + BATCH]
        with torch.no_grad():
            found.append(network(normalised(network, torch.from_numpy(batch))).numpy())
        if on_batch:
            on_batch(len(batch))
    return np.concatenate(found)


def probabilities(
    session: onnxruntime.InferenceSession, pixels: NDArray[np.uint8], on_batch: Callable[[int], object] | None = None
) -> NDArray[np.float32]:
    """(n, h, w, 3) uint8 -> (n, classes) of an exported file, one photograph a call as a request is."""
    found = []
    for start in range(len(pixels)):
        found.append(session.run(["probabilities"], {"image": pixels[start : start + 1]})[0])
        if on_batch:
            on_batch(1)
    return np.concatenate(found)
