"""The same network in PyTorch behind FastAPI: TorchScript, one thread a worker; for the training environment.

    SKYSORT_PEER=galaxy python -m uvicorn tests.bench.peer.app:app --workers 2

Its weights are random, on which its latency does not depend. Like the services that it stands for it decodes each
picture in full, and keeps no answers.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from fastapi import FastAPI, HTTPException, Request
from PIL import Image
from torch import nn

from model_export.galaxy.choice import views
from model_export.galaxy.graph import Served
from model_export.galaxy.networks import build
from model_export.image.networks import Minimalistic, normalised

if TYPE_CHECKING:
    from torch import Tensor

ROOT: Final = Path(__file__).resolve().parents[3]
MODEL: Final = os.environ.get("SKYSORT_PEER", "galaxy")
CARD: Final = json.loads((ROOT / "functions" / MODEL / "model" / "card.json").read_text())
SIDE: Final[int] = CARD["input"]["height"]
TOP_K: Final = 3


class Galaxies(nn.Module):
    """The galaxy network with the views that the shipped file averages."""

    def __init__(self) -> None:
        super().__init__()
        self.served = Served(build("mobilenetv3"), views(CARD["views"]))

    def forward(self, pixels: Tensor) -> Tensor:
        """(1, side, side, 3) uint8 -> (1, classes) probabilities."""
        probabilities: Tensor = self.served(pixels)[0]
        return probabilities


class Photographs(nn.Module):
    """The image network."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Minimalistic()

    def forward(self, pixels: Tensor) -> Tensor:
        """(1, side, side, 3) uint8 -> (1, classes) probabilities."""
        return torch.softmax(self.network(normalised(self.network, pixels)), dim=1)


def load() -> torch.jit.ScriptModule:
    """The network as TorchScript, in the fastest form that PyTorch has for one thread, warmed up."""
    torch.manual_seed(1)
    network = (Galaxies() if MODEL == "galaxy" else Photographs()).eval()
    example = torch.zeros((1, SIDE, SIDE, 3), dtype=torch.uint8)
    with torch.no_grad():
        script = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, example)))
        for _ in range(20):
            script(example)
    return script


def pixels_of(content: bytes) -> Tensor:
    """The central square of a picture at the model's size: (1, side, side, 3) uint8."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    side = min(picture.size) * CARD["input"]["central_fraction"]
    left, upper = (picture.width - side) / 2, (picture.height - side) / 2
    small = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, upper, left + side, upper + side))
    return torch.from_numpy(np.array(small)[np.newaxis])


torch.set_num_threads(1)
script = load()
app = FastAPI()


@app.get("/ready")
async def ready() -> dict[str, str]:
    """Ready once the network is."""
    return {"status": "ready"}


@app.post("/classify")
async def classify(request: Request) -> dict[str, Any]:
    """Classify one bare picture."""
    try:
        pixels = pixels_of(await request.body())
    except OSError as error:
        raise HTTPException(400, "not a picture") from error
    with torch.no_grad():
        chances = script(pixels)[0]
    best = torch.topk(chances, TOP_K)
    return {
        "predictions": [
            {"label": CARD["labels"][index], "class_id": index, "probability": chance}
            for chance, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
    }
