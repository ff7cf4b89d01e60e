"""The star model: two boosters, one for objects with a spectrum and one for photometry alone.

The built-in model and trained ones are the same code: the card says which columns and features a model has. A model
without a redshift has the photometric booster only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import ArtefactError
from skysort.model_card import ModelCard, load_card, read_artefact
from skysort.prior_option import NO_SHARES
from skysort.priors import reweighted, shares_of
from skysort.probability import prediction_sets, softmax
from skysort.star.booster import Booster
from skysort.star.domain import ENTRY, Domain
from skysort.star.features import FeatureSet
from skysort.star.schema import SDSS, Schema
from skysort.star.table_judge import TableJudge
from skysort.star.typicality import Typicality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

WITH_REDSHIFT: Final = "with_redshift"
PHOTOMETRY_ONLY: Final = "photometry_only"
# Files of a trained model.
TYPICALITY_FILE: Final = "typicality.npz"
_SHORT_VERSION: Final = 12


@dataclass(frozen=True, slots=True)
class Classification:
    """The classes of n objects.

    probabilities: (n, classes) float32, calibrated, rows sum to 1.
    prediction_sets: (n, classes) bool, the labels of each object's conformal set.
    with_redshift: (n,) bool, True where the spectroscopic booster was used.
    typicality: (n,) float32, the share of held-out objects that look less like the training data; None for a model that
    does not measure it.
    """

    probabilities: NDArray[np.float32]
    prediction_sets: NDArray[np.bool_]
    with_redshift: NDArray[np.bool_]
    typicality: NDArray[np.float32] | None = None


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
    features: FeatureSet
    temperature: float
    thresholds: NDArray[np.float32]
    # (classes,) of the training rows; None where the card lacks them.
    shares: NDArray[np.float64] | None

    def classify(self, photometry: Photometry) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        features = self.features.matrix(photometry.magnitudes, photometry.redshift)
        probabilities = softmax(self.booster.margins(features), self.temperature)
        return probabilities, prediction_sets(probabilities, self.thresholds)

    def explain(self, photometry: Photometry) -> Iterator[Explanation]:
        features = self.features.matrix(photometry.magnitudes, photometry.redshift)
        contributions, margins = self.booster.contributions(features), self.booster.margins(features)
        for values, shap, margin in zip(features, contributions, margins, strict=True):
            yield Explanation(self.features.names, values, shap[:, :-1], shap[:, -1], margin)


class StarModel:
    """The boosters and their card; raises ArtefactError when a file is missing, damaged or not the card's."""

    def __init__(
        self,
        card: ModelCard,
        variants: Mapping[str, _Variant],
        schema: Schema = SDSS,
        typicality: Typicality | None = None,
        domain: Domain | None = None,
    ) -> None:
        self.card = card
        # Of the answers in caches: versions of a trained model differ in more digits than are shown.
        self.identity = card.version
        self.schema = schema
        self._variants = variants
        self._typicality = typicality
        # Of the built-in model.
        self.domain = domain

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> StarModel:
        """Load the artefact of a model folder (card.json and a UBJSON file per variant)."""
        card = load_card(folder)
        schema = Schema.from_card(card.document)

        def read(variant: Mapping[str, Any]) -> bytes:
            return read_artefact(folder / variant["file"], variant["sha256"])

        variants = {name: _load_variant(card, schema, name, read, threads) for name in _names(schema)}
        domain = Domain.load(card.document, read) if ENTRY in card.document else None
        return cls(card, variants, schema, domain=domain)

    @classmethod
    def trained(
        cls, document: Mapping[str, Any], version: str, read_file: Callable[[str], bytes], threads: int = 1
    ) -> StarModel:
        """Load a version of a trained model; read_file: a file of it by name, its hash checked."""
        try:
            card = ModelCard(document["name"], version[:_SHORT_VERSION], tuple(document["labels"]), document)
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"the card lacks {error}; a card has name and labels") from error
        schema = Schema.from_card(document, trained=True)

        def read(variant: Mapping[str, Any]) -> bytes:
            return read_file(variant["file"])

        variants = {name: _load_variant(card, schema, name, read, threads) for name in _names(schema)}
        typicality = Typicality.load(read_file(TYPICALITY_FILE)) if "typicality" in document else None
        model = cls(card, variants, schema, typicality)
        model.identity = version
        return model

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the probability columns."""
        return self.card.labels

    @property
    def measures_typicality(self) -> bool:
        """Whether answers say how typical an object is."""
        return self._typicality is not None or self.domain is not None

    @property
    def typical_from(self) -> float:
        """The typicality from which on an object is in the model's domain."""
        measure = self._typicality or self.domain
        return 0.0 if measure is None else measure.threshold

    def classify(self, photometry: Photometry) -> Classification:
        """Classify n valid objects (see skysort.star.columns.check); NaN redshift means photometry alone."""
        with_redshift = self._with_redshift(photometry)
        typicality = self._measure(photometry, with_redshift)
        if with_redshift.all():
            return Classification(*self._variants[WITH_REDSHIFT].classify(photometry), with_redshift, typicality)
        if not with_redshift.any():
            return Classification(*self._variants[PHOTOMETRY_ONLY].classify(photometry), with_redshift, typicality)
        shape = (len(photometry), len(self.labels))
        mixed = Classification(np.empty(shape, np.float32), np.empty(shape, np.bool_), with_redshift, typicality)
        for name, rows in ((WITH_REDSHIFT, with_redshift), (PHOTOMETRY_ONLY, ~with_redshift)):
            probabilities, sets = self._variants[name].classify(photometry.take(rows))
            mixed.probabilities[rows] = probabilities
            mixed.prediction_sets[rows] = sets
        return mixed

    @property
    def judge(self) -> TableJudge | None:
        """What says what many rows are like together; None of a model whose card lacks its class shares."""
        if self.domain is not None:
            return self.domain.judge
        return None if self.no_prior else TableJudge(None, self.shares)

    @property
    def no_prior(self) -> str:
        """Why the model takes no prior; empty if it does."""
        return NO_SHARES if any(variant.shares is None for variant in self._variants.values()) else ""

    @property
    def shares(self) -> NDArray[np.float64]:
        """(classes,) of the photometric booster's training rows; raises ArtefactError if the card lacks them."""
        shares = self._variants[PHOTOMETRY_ONLY].shares
        if shares is None:
            raise ArtefactError(NO_SHARES)
        return shares

    def at_prior(
        self,
        probabilities: NDArray[np.float32],
        with_redshift: NDArray[np.bool_],
        prior: Sequence[float],
        columns: Sequence[int] | None = None,
    ) -> NDArray[np.float32]:
        """Probabilities at other class shares than those of the training data.

        Parameters
        ----------
        probabilities
            (n, columns), rows sum to 1.
        with_redshift
            (n,) bool: the rows of the spectroscopic booster, which may have learnt from other shares.
        prior
            (columns,) the shares.
        columns
            Indices of the labels, None for all.

        Returns
        -------
        ndarray of float32
            (n, columns).

        Raises
        ------
        ArtefactError
            If the card lacks the class shares of the training data; see `no_prior`.
        """
        result = np.empty_like(probabilities)
        for name, rows in ((WITH_REDSHIFT, with_redshift), (PHOTOMETRY_ONLY, ~with_redshift)):
            if not rows.any():
                continue
            trained = self._variants[name].shares
            if trained is None:
                raise ArtefactError(NO_SHARES)
            chosen = trained if columns is None else trained[list(columns)]
            result[rows] = reweighted(probabilities[rows], chosen, prior)
        return result

    def comparable(self, classified: Classification) -> NDArray[np.float32]:
        """The probabilities of both boosters at the same class shares, `shares`."""
        if self.domain is not None:  # both have learnt from the same rows
            return classified.probabilities
        return self.at_prior(classified.probabilities, classified.with_redshift, self.shares.tolist())

    def _measure(self, photometry: Photometry, with_redshift: NDArray[np.bool_]) -> NDArray[np.float32] | None:
        """(n,) typicality, if the model measures it."""
        if self.domain is not None:
            return self.domain.typicality(photometry, with_redshift)
        return None if self._typicality is None else self._typicality.of(photometry.magnitudes)

    def explain(self, photometry: Photometry) -> list[Explanation]:
        """Explain n valid objects, each by the booster that classifies it, with one call per booster."""
        explanations: dict[int, Explanation] = {}
        with_redshift = self._with_redshift(photometry)
        for name, rows in ((WITH_REDSHIFT, with_redshift), (PHOTOMETRY_ONLY, ~with_redshift)):
            if rows.any():
                explained = self._variants[name].explain(photometry.take(rows))
                explanations.update(zip(np.flatnonzero(rows).tolist(), explained, strict=True))
        return [explanations[row] for row in range(len(photometry))]

    def _with_redshift(self, photometry: Photometry) -> NDArray[np.bool_]:
        """(n,) bool: the objects for the spectroscopic booster."""
        if self.schema.has_redshift:
            return ~np.isnan(photometry.redshift)
        return np.zeros(len(photometry), np.bool_)


def _names(schema: Schema) -> tuple[str, ...]:
    """The variants of a schema's model."""
    return (WITH_REDSHIFT, PHOTOMETRY_ONLY) if schema.has_redshift else (PHOTOMETRY_ONLY,)


def _load_variant(
    card: ModelCard, schema: Schema, name: str, read: Callable[[Mapping[str, Any]], bytes], threads: int
) -> _Variant:
    try:
        entry: Mapping[str, Any] = card.document["variants"][name]
        file = entry["file"]
        trained_on = tuple(entry["features"])
        temperature = float(entry["temperature"])
        thresholds = np.array([entry["conformal"]["thresholds"][label] for label in card.labels], np.float32)
        features = FeatureSet.of(schema, with_redshift=name == WITH_REDSHIFT)
        shares = _shares(card, entry)
        if trained_on == features.names:
            content = read(entry)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"the card of {card.name} does not describe the variant {name!r} in full: {error!r}"
        ) from error
    if trained_on != features.names:
        raise ArtefactError(
            f"the variant {name!r} of {card.name} was trained on {', '.join(trained_on)}; "
            f"this code computes {', '.join(features.names)}: retrain it"
        )
    booster = Booster(content, threads)
    if booster.feature_count != len(trained_on):
        raise ArtefactError(f"{file} takes {booster.feature_count} features, its card names {len(trained_on)}")
    return _Variant(booster, features, temperature, thresholds, shares)


def _shares(card: ModelCard, variant: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """(classes,) shares of a variant's training rows, as a trained model's card or the built-in one's has them."""
    data = card.document.get("training_data", {})
    counts = variant.get("classes") or data.get("splits", {}).get("train", {}).get("classes")
    return None if counts is None else shares_of(counts, card.labels)
