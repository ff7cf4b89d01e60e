"""What the exported graph takes and gives, and which part of a picture it is shown."""

from __future__ import annotations

from typing import Final

from skysort.pictures.geometry import InputSpec

FILE: Final = "galaxy.onnx"
INPUT: Final = "image"
PROBABILITIES: Final = "probabilities"
OUTPUTS: Final = (PROBABILITIES, "activation", "embedding")
# The largest difference between the file and PyTorch that may be published.
PARITY_LIMIT: Final = 1e-4
# A Galaxy Zoo 2 frame is 8.5 Petrosian radii wide; its middle half holds the galaxy.
CENTRAL_FRACTION: Final = 0.5


def spec(side: int) -> InputSpec:
    """The middle half of a frame, at the network's size."""
    return InputSpec(side, side, None, CENTRAL_FRACTION, "black", measurements=True)
