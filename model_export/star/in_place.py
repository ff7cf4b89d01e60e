"""The published boosters on the candidate's test split: what ``export`` compares where the card in place knows another.

A training set that loses or gains rows has another test split, and the card in place was measured on the old one.
The boosters in place are then measured anew, on the same objects as the candidate. Beside that stands what becomes of
the objects without a redshift, which are in no split: how often each version calls them GALAXY, their label, and the
scores with them counted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from model_export.common import metrics
from model_export.common.files import read_json, sha256
from model_export.star import boosters
from model_export.star.card import CARD
from skysort.errors import ConfigurationError
from skysort.star.columns import LABELS, Photometry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

# What the service took such an object's redshift for, as long as it took it for one.
FAILED_FIT = 0.0


def measure(folder: Path, trained: Mapping[str, bytes], test: Dataset, unmeasured: Dataset) -> dict[str, Any] | None:
    """Scores of the version in a folder, and of it and the candidate on the objects without a redshift.

    trained: the candidate's boosters. test, unmeasured: objects of the test part with and without a redshift.
    Returns None where nothing is published. Raises ConfigurationError when a booster is not its card's.
    """
    if not (folder / CARD).exists():
        return None
    card = read_json(folder / CARD, "star export")
    published = {name: _booster(folder, card["variants"][name]) for name in boosters.VARIANTS}
    photometric = boosters.PHOTOMETRY_ONLY
    as_zero = {name: called(content, name, unmeasured) for name, content in published.items()}
    without = {name: called(trained[photometric], photometric, unmeasured) for name in boosters.VARIANTS}
    return {
        "version": card["version"],
        "variants": {name: scores(published[name], name, test, as_zero[name], unmeasured) for name in published},
        "candidate": {name: scores(trained[name], name, test, without[name], unmeasured) for name in trained},
        "unmeasured": {
            "rows": len(unmeasured),
            "called": {name: _counts(answers) for name, answers in as_zero.items()},
            "called_by_candidate": _counts(without[photometric]),
        },
    }


def scores(content: bytes, name: str, test: Dataset, answers: NDArray[np.int64], unmeasured: Dataset) -> dict[str, Any]:
    """Accuracy, balanced accuracy and macro F1 on the test split, and with the objects without a redshift.

    answers: what the version that is measured answers for the latter.
    """
    table = metrics.confusion(test.labels, called(content, name, test))
    others = metrics.confusion(unmeasured.labels, answers)
    return {
        "sha256": sha256(content),
        "metrics": metrics.with_intervals(table),
        "with_unmeasured": metrics.with_intervals(table + others),
    }


def called(content: bytes, name: str, objects: Dataset) -> NDArray[np.int64]:
    """(n,) the class that a booster gives each object; an absent redshift stands as 0, as the failed fit left it."""
    redshift = np.nan_to_num(objects.photometry.redshift, nan=FAILED_FIT)
    features = boosters.matrix(Photometry(objects.photometry.magnitudes, redshift), name)
    if not len(features):
        return np.zeros(0, np.int64)
    margins = boosters.margins(boosters.from_bytes(content, 1), features)
    return np.asarray(margins.argmax(axis=1), np.int64)


def _booster(folder: Path, variant: Mapping[str, Any]) -> bytes:
    content: bytes = (folder / variant["file"]).read_bytes()
    if sha256(content) != variant["sha256"]:
        raise ConfigurationError(f"{folder / variant['file']} is not the booster that the card beside it describes")
    return content


def _counts(answers: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(LABELS, np.bincount(answers, minlength=len(LABELS)).tolist(), strict=True))
