"""The limits of good framing (skysort.pictures.framing), from held-out galaxies, and what they tell on the test parts.

Spoilt frames are made of Galaxy Zoo 2 frames of the test part: their middle alone, the frame scaled down on a sky of
its own noise, and moved.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from model_export.galaxy.data import FRAME
from model_export.galaxy.other_pictures import png
from skysort.learning import metrics
from skysort.pictures.decode import decode
from skysort.pictures.framing import Framing, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from skysort.pictures.geometry import InputSpec

    Change = Callable[[bytes, np.random.Generator], bytes]

# Of held-out galaxies beyond each limit.
SHARE: Final = 0.001
EVERY: Final = 4
SPOILT_SEED: Final = 3


def fit(files: Iterable[Path], spec: InputSpec) -> Framing:
    """The limits that few of the held-out galaxies pass."""
    edge, half_light, offset, _ = np.array([measure(decode(path.read_bytes(), spec)) for path in files]).T
    return Framing(
        round(float(np.quantile(edge, 1 - SHARE)), 6),
        round(float(np.quantile(half_light, SHARE)), 6),
        round(float(np.quantile(offset, 1 - SHARE)), 6),
    )


def entry(framing: Framing, tested: Mapping[str, Iterable[Path]], spec: InputSpec) -> dict[str, Any]:
    """The card's entry: the limits, and the share of each warning in good and in spoilt frames."""
    measured = {name: _told(framing, (path.read_bytes() for path in files), spec) for name, files in tested.items()}
    draw = np.random.default_rng(SPOILT_SEED)
    chosen = list(next(iter(tested.values())))[::EVERY]
    for name, change in CHANGES.items():
        measured[name] = _told(framing, (change(path.read_bytes(), draw) for path in chosen), spec)
    limits = {"edge": framing.edge, "half_light": framing.half_light, "offset": framing.offset}
    return {"limits": limits, "share_beyond_each": SHARE, "measured": measured}


def _told(framing: Framing, contents: Iterable[bytes], spec: InputSpec) -> dict[str, Any]:
    found = [framing.check(decode(content, spec)) for content in contents]
    counts = Counter(warning.code for warning in found if warning is not None)
    shares = {code: metrics.share(count / len(found), len(found)) for code, count in sorted(counts.items())}
    return {"rows": len(found), "warnings": shares}


def _middle(content: bytes, share: float) -> bytes:
    """The middle of a frame alone."""
    frame = _frame(content)
    margin = FRAME * (1 - share) / 2
    return png(
        np.asarray(
            frame.resize((FRAME, FRAME), Image.Resampling.BICUBIC, (margin, margin, FRAME - margin, FRAME - margin))
        )
    )


def _reduced(content: bytes, draw: np.random.Generator, factor: int) -> bytes:
    """A frame scaled down, in a frame of the noise of its upper edge."""
    frame = _frame(content)
    edge = np.asarray(frame)[: FRAME // 8]
    sky = np.concatenate([np.roll(edge, int(draw.integers(FRAME)), axis=1) for _ in range(8)])
    small = np.asarray(frame.resize((FRAME // factor,) * 2, Image.Resampling.BICUBIC))
    start = (FRAME - len(small)) // 2
    sky[start : start + len(small), start : start + len(small)] = small
    return png(sky)


def _beside(content: bytes, draw: np.random.Generator, share: float) -> bytes:
    """A frame moved by a share of its width, the rest filled from its other side."""
    angle = draw.uniform(0, 2 * np.pi)
    moved = (int(share * FRAME * np.sin(angle)), int(share * FRAME * np.cos(angle)))
    return png(np.roll(np.asarray(_frame(content)), moved, axis=(0, 1)))


def _frame(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content)).convert("RGB")
    return picture if picture.size == (FRAME, FRAME) else picture.resize((FRAME, FRAME), Image.Resampling.BICUBIC)


CHANGES: Final[Mapping[str, Change]] = {
    "the middle third of the frame": lambda content, _: _middle(content, 1 / 3),
    "a third of the size": lambda content, draw: _reduced(content, draw, 3),
    "moved by a sixth of the frame": lambda content, draw: _beside(content, draw, 1 / 6),
}
