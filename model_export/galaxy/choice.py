"""Choices made on the validation part: views, logit adjustment, temperature, conformal thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.galaxy.labels import NAMES
from skysort.learning import calibration, metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray


# A view: the number of quarter turns, and whether the picture is then mirrored.
View = tuple[int, bool]
ALL_VIEWS: Final[tuple[View, ...]] = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))

# Name -> indices into ALL_VIEWS.
VIEW_SETS: Final[dict[str, list[int]]] = {
    "as it is": [0],
    "half turn": [0, 2],
    "quarter turns": [0, 1, 2, 3],
    "all eight": list(range(8)),
}
STRENGTHS: Final = (0.0, 0.25, 0.5)
# Up to this many views keep the graph below 5 ms on one thread.
MAX_VIEWS: Final = 4
# Classes with fewer validation pictures share a threshold: with five pictures of a class, a threshold of its own
# would guarantee nothing.
ENOUGH: Final = 40
METHOD: Final = (
    "clustered conformal prediction (Ding et al. 2023) on the validation part: a threshold a class with at least "
    f"{ENOUGH} pictures there, one common threshold for the rarer classes; a set may be empty"
)


def views(name: str) -> tuple[View, ...]:
    """The views of a set."""
    return tuple(ALL_VIEWS[index] for index in VIEW_SETS[name])


@dataclass(frozen=True, slots=True)
class Choice:
    """How logits become probabilities and a prediction set.

    views: name of a set in VIEW_SETS. strength: tau of the logit adjustment (Menon et al. 2021).
    shift: (8,) added to the mean logits. thresholds: (8,) least probability for the prediction set.
    """

    views: str
    strength: float
    shift: NDArray[np.float64]
    temperature: float
    thresholds: NDArray[np.float64]

    def probabilities(self, logits: NDArray[np.float64], temperature: float | None = None) -> NDArray[np.float64]:
        """(n, all views, 8) logits -> (n, 8) probabilities; temperature 1 gives uncalibrated ones."""
        mean = logits[:, VIEW_SETS[self.views]].mean(axis=1) + self.shift
        return calibration.probabilities(mean, self.temperature if temperature is None else temperature)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "views": self.views,
            "strength": self.strength,
            "shift": [round(float(value), 6) for value in self.shift],
            "temperature": self.temperature,
            "thresholds": {name: round(float(limit), 6) for name, limit in zip(NAMES, self.thresholds, strict=True)},
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> Choice:
        """From JSON."""
        limits = np.array([document["thresholds"][name] for name in NAMES])
        return cls(
            document["views"], document["strength"], np.array(document["shift"]), document["temperature"], limits
        )


def choose(
    logits: NDArray[np.float64], truth: NDArray[np.int64], prior: NDArray[np.float64], max_views: int = MAX_VIEWS
) -> tuple[Choice, dict[str, Any]]:
    """Choose by (n, all views, 8) logits; also returns the validation scores of every option tried."""
    # The views are those with the lowest log loss among those fast enough; the strength is that with the highest sum of
    # accuracy and macro F1.
    tried_views = {}
    for name, indices in VIEW_SETS.items():
        mean = logits[:, indices].mean(axis=1)
        temperature = calibration.fit_temperature(mean, truth)
        probability = calibration.probabilities(mean, temperature)
        tried_views[name] = {
            "views": len(indices),
            "log_loss": round(calibration.log_loss(mean, truth, temperature), 6),
            **metrics.summary(probability, truth),
        }
    allowed = [name for name, indices in VIEW_SETS.items() if len(indices) <= max_views]
    views = min(allowed, key=lambda name: tried_views[name]["log_loss"])
    mean = logits[:, VIEW_SETS[views]].mean(axis=1)
    tried_strengths = {}
    for strength in STRENGTHS:
        shifted = mean + _shift(prior, strength)
        probability = calibration.probabilities(shifted, calibration.fit_temperature(shifted, truth))
        tried_strengths[str(strength)] = metrics.summary(probability, truth)

    def merit(strength: float) -> float:
        scores = tried_strengths[str(strength)]
        return float(scores["accuracy"]["value"] + scores["macro_f1"]["value"])

    strength = max(STRENGTHS, key=merit)
    shift = np.round(_shift(prior, strength), 6)
    temperature = calibration.fit_temperature(mean + shift, truth)
    probability = calibration.probabilities(mean + shift, temperature)
    choice = Choice(views, strength, shift, temperature, thresholds(probability, truth))
    scores = metrics.summary(probability, truth)
    return choice, {"scores": scores, "views": tried_views, "strengths": tried_strengths}


def thresholds(
    probability: NDArray[np.float64], truth: NDArray[np.int64], coverage: float = calibration.COVERAGE
) -> NDArray[np.float64]:
    """(8,) the least probability with which each label is in the prediction set; see METHOD."""
    counts = np.bincount(truth, minlength=probability.shape[1])
    limits = calibration.thresholds(probability, truth, coverage)
    rare = counts < ENOUGH
    true_class = probability[np.arange(len(truth)), truth][rare[truth]]
    if len(true_class):
        limits[rare] = calibration.threshold(true_class, coverage)
    return limits


def _shift(prior: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    shift: NDArray[np.float64] = -strength * np.log(prior)
    return np.asarray(shift - shift.mean())
