"""A miniature of a trained star model, published into a store as a training publishes it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from skysort.registry.names import Kind
from skysort.registry.pointer import Change, Pointer
from skysort.registry.versions import VersionFiles
from skysort.star.booster_training import Matrix, fit
from skysort.star.features import FeatureSet
from skysort.star.model import PHOTOMETRY_ONLY, TYPICALITY_FILE, WITH_REDSHIFT
from skysort.star.schema import Schema
from skysort.star.typicality import THRESHOLD, Typicality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.fakes.model_store import MemoryModelStore

OWNER = "shared"
NAME = "wise-qso"
# Infrared bands of another catalogue, one extra column that may be missing, and no redshift.
WISE = Schema(("g", "r", "w1", "w2"), extras=("variability",), optional=("variability",), has_redshift=False)
LABELS = ("agn", "star")
AGN = {"g": 19.0, "r": 18.8, "w1": 15.0, "w2": 14.0, "variability": 0.9}
STAR = {"g": 17.0, "r": 16.2, "w1": 14.2, "w2": 14.2, "variability": 0.0}


def objects(schema: Schema, rows: int, seed: int = 17) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Values of made-up objects of two classes, and their classes."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, len(LABELS), rows)
    slopes = np.where(classes[:, None] == 0, -0.2, -0.9) * np.arange(len(schema.bands))
    magnitudes = random.normal(19.0, 1.0, (rows, 1)) + slopes + random.normal(0, 0.15, (rows, len(schema.bands)))
    extras = np.where(classes == 0, 0.8, 0.1)[:, None] + random.normal(0, 0.1, (rows, len(schema.extras)))
    return np.concatenate([magnitudes, extras], axis=1), classes


def trained(
    schema: Schema = WISE, name: str = NAME, labels: tuple[str, ...] = LABELS
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The card of a version, and its files by name."""
    values, classes = objects(schema, 400)
    redshift = np.where(classes == 0, 1.5, 0.001)
    files: dict[str, bytes] = {}
    variants: dict[str, Any] = {}
    for variant in (WITH_REDSHIFT, PHOTOMETRY_ONLY) if schema.has_redshift else (PHOTOMETRY_ONLY,):
        features = FeatureSet.of(schema, with_redshift=variant == WITH_REDSHIFT)
        rows = Matrix(features.matrix(values, redshift), classes)
        content = fit(rows, {"max_depth": 3, "eta": 0.3}, 8, classes=len(labels), seed=17).model
        files[f"{variant}.ubj"] = content
        variants[variant] = {
            "file": f"{variant}.ubj",
            "sha256": hashlib.sha256(content).hexdigest(),
            "features": list(features.names),
            "temperature": 1.1,
            "conformal": {"thresholds": dict.fromkeys(labels, 0.3)},
            "classes": dict(zip(labels, np.bincount(classes, minlength=len(labels)).tolist(), strict=True)),
        }
    generator = np.random.default_rng(17)
    files[TYPICALITY_FILE] = Typicality.fit(values[:300], values[300:], len(schema.bands), generator).save()
    card = {
        "name": name,
        "kind": "star",
        "labels": list(labels),
        "input": {"columns": schema.document()},
        "variants": variants,
        "typicality": {"threshold": THRESHOLD},
    }
    return card, files


def publish(store: MemoryModelStore, card: dict[str, Any], files: dict[str, bytes], owner: str = OWNER) -> str:
    """Publish a version and make it live."""
    version = VersionFiles(store).publish(owner, card["name"], card, files)
    pointer = Pointer(card["name"], Kind.STAR, version, (Change(version, "2026-01-01T00:00:00Z", "first"),))
    store.objects[f"pointers/{owner}/{card['name']}.json"] = pointer.to_json()
    return version
