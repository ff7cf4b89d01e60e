"""The two boosters: features, fitting and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xgboost
from xgboost.callback import TrainingCallback

from model_export.common.files import read_json
from model_export.star.data import HYPERPARAMETERS, SEED, held_out
from skysort.errors import ConfigurationError
from skysort.star.columns import LABELS
from skysort.star.features import PHOTOMETRIC, SPECTROSCOPIC, feature_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

WITH_REDSHIFT: Final = "with_redshift"
PHOTOMETRY_ONLY: Final = "photometry_only"
FEATURES: Final[Mapping[str, tuple[str, ...]]] = {WITH_REDSHIFT: SPECTROSCOPIC, PHOTOMETRY_ONLY: PHOTOMETRIC}
VARIANTS: Final = tuple(FEATURES)
FIXED: Final[Mapping[str, Any]] = {
    "objective": "multi:softprob",
    "num_class": len(LABELS),
    "tree_method": "hist",
    "seed": SEED,
}
# A prediction visits at most rounds * classes * depth nodes. A core of the machines measured visits about
# 0.9e9 nodes a second, and the target is 500,000 rows a second.
NODES_PER_ROW: Final = 1_600


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Boosting rounds (each grows a tree per class) and XGBoost's own parameters."""

    rounds: int
    parameters: Mapping[str, Any]

    @property
    def nodes_per_row(self) -> int:
        """The maximum number of nodes that a prediction visits: a measure of its cost."""
        return self.rounds * len(LABELS) * int(self.parameters["max_depth"])


def hyperparameters(path: Path = HYPERPARAMETERS) -> dict[str, Hyperparameters]:
    """The chosen hyperparameters of each variant; raises ConfigurationError if the file lacks them."""
    content = read_json(path, "star tune")
    try:
        return {
            name: Hyperparameters(int(content[name]["rounds"]), dict(content[name]["parameters"])) for name in VARIANTS
        }
    except (KeyError, TypeError, ValueError) as problem:
        raise ConfigurationError(f"{path} lacks rounds and parameters of {', '.join(VARIANTS)}") from problem


def fitted_with(variant: Mapping[str, Any]) -> Hyperparameters:
    """The hyperparameters of a variant as recorded in training.json and the card."""
    parameters = {key: value for key, value in variant["parameters"].items() if key not in (*FIXED, "rounds")}
    return Hyperparameters(int(variant["parameters"]["rounds"]), parameters)


def matrix(photometry: Photometry, variant: str) -> NDArray[np.float32]:
    """(n, features) of a variant, computed by the serving code."""
    return feature_matrix(photometry.magnitudes, photometry.redshift if variant == WITH_REDSHIFT else None)


def fit(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    chosen: Hyperparameters,
    *,
    threads: int,
    on_round: Callable[[], object] | None = None,
) -> xgboost.Booster:
    """Fit a booster. The same rows and seed give the same bytes for any number of threads."""
    parameters = {**FIXED, **chosen.parameters, "nthread": threads}
    max_bin = int(chosen.parameters.get("max_bin", 256))
    rows = xgboost.QuantileDMatrix(features, labels, max_bin=max_bin, nthread=threads)
    callbacks = [_OnRound(on_round)] if on_round else []
    return xgboost.train(parameters, rows, chosen.rounds, callbacks=callbacks)


def margins(booster: xgboost.Booster, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 3) margins (log odds up to a constant), in the order of LABELS."""
    return np.asarray(booster.inplace_predict(features, predict_type="margin"), dtype=np.float64)


def out_of_fold(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    chosen: Hyperparameters,
    fold: NDArray[np.int64],
    *,
    threads: int,
    on_round: Callable[[], object] | None = None,
) -> NDArray[np.float64]:
    """(n, 3) margins of each object from the booster fitted without its fold."""
    result = np.empty((len(labels), len(LABELS)))
    for training, test in held_out(fold):
        booster = fit(features[training], labels[training], chosen, threads=threads, on_round=on_round)
        result[test] = margins(booster, features[test])
    return result


def to_bytes(booster: xgboost.Booster) -> bytes:
    """Serialise a booster as UBJSON."""
    return bytes(booster.save_raw("ubj"))


def from_bytes(content: bytes, threads: int) -> xgboost.Booster:
    """Load a booster from UBJSON."""
    booster = xgboost.Booster({"nthread": threads})
    booster.load_model(bytearray(content))
    return booster


class _OnRound(TrainingCallback):
    def __init__(self, on_round: Callable[[], object]) -> None:
        self._on_round = on_round

    def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:
        del model, epoch, evals_log
        self._on_round()
        return False
