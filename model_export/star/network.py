"""A small network on the features of the photometric booster, which attempts compare and combine with it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from model_export.star.data import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS: Final = (256, 128, 64)
PENALTY: Final = 0.03
BATCH: Final = 512
# Learning rate and epochs of each phase of Adam.
PHASES: Final = ((2e-3, 12), (1e-3, 6), (5e-4, 6), (2e-4, 6))
# Scaled features beyond it count as at it: failed measurements lie far out.
FARTHEST: Final = 6.0
_LEAST: Final = 1e-7  # floor of a probability


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted perceptron; centre, scale: (features,) that it is given in."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    layers: MLPClassifier

    @classmethod
    def fit(cls, features: NDArray[np.float32], labels: NDArray[np.int64]) -> Self:
        """Fit a network; the same rows give the same one on the same machine."""
        low, centre, high = np.percentile(features, [16, 50, 84], axis=0)
        layers = MLPClassifier(
            UNITS, alpha=PENALTY, batch_size=min(BATCH, len(labels)), warm_start=True, random_state=SEED
        )
        network = cls(centre, (high - low) / 2, layers)
        scaled = network.scaled(features)
        for rate, epochs in PHASES:
            layers.set_params(learning_rate_init=rate, max_iter=epochs, n_iter_no_change=epochs)
            with warnings.catch_warnings():
                # Each phase ends by its number of epochs.
                warnings.simplefilter("ignore", ConvergenceWarning)
                layers.fit(scaled, labels)
        return network

    def scaled(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, features) as the network is given them."""
        return np.asarray(((features - self.centre) / self.scale).clip(-FARTHEST, FARTHEST), np.float32)

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3) log probabilities, in the order of LABELS."""
        probability = self.layers.predict_proba(self.scaled(features))
        return np.asarray(np.log(np.maximum(probability, _LEAST)), np.float64)
