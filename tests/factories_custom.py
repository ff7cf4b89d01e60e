"""Trained picture models in miniature: heads of the real kind, on features of a few rendered pictures."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysort.custom.head import Head
from skysort.custom.networks import Networks, Recipe, Views, joined
from skysort.errors import NotFoundError
from skysort.learning import fitting, space
from skysort.registry import keys
from skysort.registry.names import Kind
from skysort.registry.pointer import Change, Pointer
from skysort.registry.versions import VersionFiles
from tests.factories_images import encode, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.registry.store import ModelStore

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
OWNER = "shared"
LABELS = ("blue", "red")
BLOCKS = ("galaxy.mean", "image.mean")


@cache
def networks() -> Networks:
    """The shipped networks."""
    return Networks.load(FUNCTIONS / "galaxy" / "model", FUNCTIONS / "image" / "model")


def picture(label: str, seed: int = 0) -> bytes:
    """A picture of a class: the rendered shades in one channel, as a JPEG."""
    shades = render(96, 96, seed)
    shades[..., [channel for channel in range(3) if channel != {"red": 0, "blue": 2}[label]]] //= 5
    return encode(shades, "JPEG")


def head_of(
    blocks: Sequence[str] = BLOCKS, labels: Sequence[str] = LABELS, views: Views = Views.ONE, each: int = 6
) -> Head:
    """A head trained on a few pictures of each class."""
    files = [f"{label}/{seed}.jpg" for label in labels for seed in range(each)]
    classes = np.repeat(np.arange(len(labels)), each)
    inputs = Recipe(tuple(blocks)).inputs
    maps = [
        networks().maps(networks().read(picture(label, seed), inputs=inputs), inputs, views)
        for label in labels
        for seed in range(each)
    ]
    features = {name: np.stack([joined(of_one, [name]) for of_one in maps]) for name in blocks}
    together = {tuple(blocks): space.build(features, blocks)}
    return Head.of(fitting.fit(features, classes, 0, together), labels, files, classes)


def card_of(head: Head, views: Views = Views.ONE, **more: Any) -> dict[str, Any]:
    """A card with what serving reads."""
    return {
        "name": "colours",
        "kind": "pictures",
        "labels": list(head.labels),
        "features": {
            "networks": [{"name": name, "sha256": digest} for name, digest in networks().sha256.items()],
            "views": views.value,
        },
        "training_data": {"classes": {label: 10 * (place + 1) for place, label in enumerate(head.labels)}},
        **more,
    }


def publish(
    store: ModelStore, name: str, card: Mapping[str, Any], files: Mapping[str, bytes], owner: str = OWNER
) -> str:
    """A version, which becomes the live one."""
    version = VersionFiles(store).publish(owner, name, card, files)
    point(store, name, version, owner)
    return version


def point(store: ModelStore, name: str, version: str, owner: str = OWNER, kind: Kind = Kind.PICTURES) -> None:
    """Make a version the live one, whatever is live."""
    key = keys.pointer_key(owner, name)
    try:
        etag = store.get(key).etag
    except NotFoundError:
        etag = None
    body = Pointer(name, kind, version, (Change(version, "2026-01-01T00:00:00Z", "forced"),)).to_json()
    store.put(key, body, content_type="application/json", replaces=etag)


def thumbnails(head: Head) -> tuple[bytes, list[list[int]]]:
    """A file that stands for thumbnails, one a training picture, and where each is."""
    parts = [json.dumps(example).encode() for example in head.examples]
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    return b"".join(parts), [[start, len(part)] for start, part in zip(starts, parts, strict=False)]
