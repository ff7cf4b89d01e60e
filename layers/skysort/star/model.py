"""The star model: two boosters, one for objects with a spectrum and one for photometry alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import ArtefactError
from skysort.model_card import ModelCard, load_card, read_artefact
from skysort.probability import prediction_sets, softmax
from skysort.star.booster import Booster
from skysort.star.features import PHOTOMETRIC, SPECTROSCOPIC, feature_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

WITH_REDSHIFT: Final = "with_redshift"
PHOTOMETRY_ONLY: Final = "photometry_only"
VARIANTS: Final = {WITH_REDSHIFT: SPECTROSCOPIC, PHOTOMETRY_ONLY: PHOTOMETRIC}


@dataclass(frozen=True, slots=True)
class Classification:
    """The classes of n objects.

    probabilities: (n, classes) float32, calibrated, rows sum to 1.
    prediction_sets: (n, classes) bool, the labels of each object's conformal set.
    with_redshift: (n,) bool, True where the spectroscopic booster was used.
    """

    probabilities: NDArray[np.float32]
    prediction_sets: NDArray[np.bool_]
    with_redshift: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Tree SHAP values of one object: for each class, contributions + base = margin."""

    features: tuple[str, ...]
    values: NDArray[np.float32]  # (features,) the object's feature values
    contributions: NDArray[np.float32]  # (classes, features)
    base: NDArray[np.float32]  # (classes,)
    margins: NDArray[np.float32]  # (classes,)


@dataclass(frozen=True, slots=True)
class _Variant:
    booster: Booster
    features: tuple[str, ...]
    temperature: float
    thresholds: NDArray[np.float32]

    def classify(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        probabilities = softmax(self.booster.margins(features), self.temperature)
        return probabilities, prediction_sets(probabilities, self.thresholds)

    def explain(self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64]) -> Iterator[Explanation]:
        """redshift: ignored by the photometric variant."""
        features = feature_matrix(magnitudes, redshift if self.features == SPECTROSCOPIC else None)
        contributions, margins = self.booster.contributions(features), self.booster.margins(features)
        for values, shap, margin in zip(features, contributions, margins, strict=True):
            yield Explanation(self.features, values, shap[:, :-1], shap[:, -1], margin)


class StarModel:
    """Both boosters and their card; raises ArtefactError when a file is missing, damaged or not the card's."""

    def __init__(self, card: ModelCard, variants: Mapping[str, _Variant]) -> None:
        self.card = card
        self._variants = variants

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> StarModel:
        """Load the artefact of a model folder (card.json and a UBJSON file per variant)."""
        card = load_card(folder)
        variants = {name: _load_variant(folder, card, name, threads) for name in VARIANTS}
        return cls(card, variants)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the probability columns."""
        return self.card.labels

    def classify(self, photometry: Photometry) -> Classification:
        """Classify n valid objects (see skysort.star.columns.check); NaN redshift means photometry alone."""
        with_redshift = ~np.isnan(photometry.redshift)
        if with_redshift.all():
            features = feature_matrix(photometry.magnitudes, photometry.redshift)
            return Classification(*self._variants[WITH_REDSHIFT].classify(features), with_redshift)
        if not with_redshift.any():
            features = feature_matrix(photometry.magnitudes, None)
            return Classification(*self._variants[PHOTOMETRY_ONLY].classify(features), with_redshift)
        shape = (len(photometry), len(self.labels))
        mixed = Classification(np.empty(shape, np.float32), np.empty(shape, np.bool_), with_redshift)
        for rows in (with_redshift, ~with_redshift):
            part = self.classify(photometry.take(rows))
            mixed.probabilities[rows] = part.probabilities
            mixed.prediction_sets[rows] = part.prediction_sets
        return mixed

    def explain(self, photometry: Photometry) -> list[Explanation]:
        """Explain n valid objects, each by the booster that classifies it, with one call per booster."""
        explanations: dict[int, Explanation] = {}
        with_redshift = ~np.isnan(photometry.redshift)
        for name, rows in ((WITH_REDSHIFT, with_redshift), (PHOTOMETRY_ONLY, ~with_redshift)):
            if rows.any():
                part = photometry.take(rows)
                explained = self._variants[name].explain(part.magnitudes, part.redshift)
                explanations.update(zip(np.flatnonzero(rows).tolist(), explained, strict=True))
        return [explanations[row] for row in range(len(photometry))]


def _load_variant(folder: Path, card: ModelCard, name: str, threads: int) -> _Variant:
    try:
        entry: Mapping[str, Any] = card.document["variants"][name]
        trained_on = tuple(entry["features"])
        temperature = float(entry["temperature"])
        thresholds = np.array([entry["conformal"]["thresholds"][label] for label in card.labels], np.float32)
        file, sha256 = folder / entry["file"], entry["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"the card in {folder} does not describe the variant {name!r} in full: {error!r}"
        ) from error
    if trained_on != VARIANTS[name]:
        raise ArtefactError(
            f"the variant {name!r} in {folder} was trained on {', '.join(trained_on)}; "
            f"this code computes {', '.join(VARIANTS[name])}: retrain it"
        )
    booster = Booster(read_artefact(file, sha256), threads)
    if booster.feature_count != len(trained_on):
        raise ArtefactError(f"{file} takes {booster.feature_count} features, its card names {len(trained_on)}")
    return _Variant(booster, trained_on, temperature, thresholds)
