"""The answers of a trained network to decoded pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from model_export.galaxy import networks
from model_export.galaxy.choice import ALL_VIEWS
from model_export.galaxy.graph import apply_view, fold_norms
from model_export.galaxy.samples import centre

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.galaxy.choice import View
    from model_export.galaxy.networks import Galaxy

EVALUATION_BATCH: Final = 64


def load(name: str, folder: Path) -> Galaxy:
    """A trained candidate, in evaluation mode."""
    network = networks.build(name)
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return network.eval()


def logits(
    network: Galaxy,
    crops: NDArray[np.uint8],
    rows: NDArray[np.intp],
    side: int,
    *,
    on_batch: Callable[[int], object] = lambda _: None,
    shown: Sequence[View] = ALL_VIEWS,
) -> NDArray[np.float64]:
    """(len(rows), views, 8 classes) logits of the centre of each crop in these views."""
    folded = fold_norms(network).to(memory_format=torch.channels_last)
    out = []
    with torch.inference_mode():
        for start in range(0, len(rows), EVALUATION_BATCH):
            chosen = rows[start : start + EVALUATION_BATCH]
            pictures = centre(torch.from_numpy(crops[chosen]), side)
            answers = [
                folded(apply_view(pictures, view).contiguous(memory_format=torch.channels_last))[0] for view in shown
            ]
            out.append(torch.stack(answers, dim=1).double().numpy())
            on_batch(len(chosen))
    return np.concatenate(out)
