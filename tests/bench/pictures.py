"""Latency and throughput of the picture functions over HTTP, against a started stack.

A picture of the size that the model's data have goes in as a bare JPEG, new every time or always the same, at 1, 5
and 50 users; then a 12-megapixel photograph. Billed milliseconds come from the functions' own REPORT lines.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from tests import rendered
from tests.bench.billed import Bill
from tests.bench.wrk import ROOT, load

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

SCRIPT: Final = "picture.lua"
PICTURES: Final = {"galaxy": "galaxy_spiral.jpg", "image": "traffic_light.jpg"}
USERS: Final = (1, 5, 50)
SECONDS: Final = 4
WARM_UP_SECONDS: Final = 2
LARGE: Final = (4_000, 3_000)


def measure(stack: StartedStack, seconds: float = SECONDS) -> dict[str, Any]:
    """The records of each model: "http", "large" (the 12-megapixel photograph) and "billed_ms"."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        large.write_bytes(large_photograph())
        for model, name in PICTURES.items():
            found[model] = _measure(stack, model, ROOT / "events" / name, large, seconds)
    return found


def _measure(stack: StartedStack, model: str, small: Path, large: Path, seconds: float) -> dict[str, Any]:
    def one(picture: Path, users: int, length: float, *, unique: bool) -> dict[str, Any]:
        environment = {"PICTURE": str(picture), "TARGET": f"/v1/classify/{model}"}
        return load(stack.api, SCRIPT, users=users, seconds=length, unique=unique, environment=environment)

    records = []
    billed: dict[str, float] = {}
    for unique in (True, False):
        one(small, USERS[-1], WARM_UP_SECONDS, unique=unique)
        for users in USERS:
            bill = Bill(stack, model)
            records.append(one(small, users, seconds, unique=unique))
            if users == 1:
                billed[records[-1]["inputs"]] = bill.mean_ms()
    return {
        "picture": {"name": small.name, "bytes": small.stat().st_size, "size": list(Image.open(small).size)},
        "http": records,
        "large": {"bytes": large.stat().st_size, "size": list(LARGE), **one(large, 1, seconds, unique=True)},
        "billed_ms": billed,
    }


def large_photograph() -> bytes:
    """The rendered scene at 12 megapixels, with a camera's noise: a JPEG of some 3 MB."""
    scene = np.asarray(rendered.traffic_light().resize(LARGE, Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(rendered.SEED).normal(0, 4, (LARGE[1], LARGE[0], 1)).astype(np.int16)
    return rendered.jpeg(Image.fromarray(np.clip(scene + noise, 0, 255).astype(np.uint8)), quality=85)
