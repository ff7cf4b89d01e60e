"""``tune``: search hyperparameters by cross-validation on the training part.

Optuna's tree-structured Parzen estimator, seeded; trials are stored in a journal file, so an
interrupted search resumes. The objective is the log loss of held-out folds, which correlates with
accuracy and F1 and is far less noisy than either, since it uses the probability of every object
and not only the predicted class. A trial worse than the median of the others after a fold is
pruned.

Every trial uses the full budget of nodes per row (boosters.NODES_PER_ROW): the depth is searched,
and the number of rounds follows from it. So the search cannot trade speed for score.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from model_export.common.cli import OK, log, progress
from model_export.common.files import read_json, write_json
from model_export.star import boosters, readme
from model_export.star.data import FOLDS, SEED, Workspace, folds, held_out, split
from skysort.errors import ConfigurationError
from skysort.learning import calibration, metrics
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

JOURNAL: Final = "tuning.journal"
TUNING: Final = "tuning.json"
STARTUP_TRIALS: Final = 12  # random trials before the estimator and the pruning start
# Minimum and maximum depth of each variant. Without a redshift trees grow full, and beyond a depth of 8 they exceed
# the processor's cache: with the same nodes per row, depth 10 predicts 0.42 million rows a second and depth 8 0.57
# million. With a redshift most branches end early.
DEPTHS: Final = {boosters.WITH_REDSHIFT: (4, 10), boosters.PHOTOMETRY_ONLY: (4, 8)}
# Minimum and maximum of XGBoost's other parameters, whether the search is logarithmic, and the default.
SPACE: Final = {
    "eta": (0.03, 0.4, True, 0.3),
    "min_child_weight": (0.5, 30.0, True, 1.0),
    "subsample": (0.5, 1.0, False, 1.0),
    "colsample_bytree": (0.4, 1.0, False, 1.0),
    "colsample_bynode": (0.3, 1.0, False, 1.0),
    "lambda": (0.05, 30.0, True, 1.0),
    "alpha": (1e-3, 5.0, True, 1e-3),
    "gamma": (1e-3, 3.0, True, 1e-3),
}
MAX_BINS: Final = (256, 512, 1024)
# The first trial, as a reference.
UNTUNED: Final = {"max_depth": 6, **{name: default for name, (*_, default) in SPACE.items()}, "max_bin": MAX_BINS[0]}
_ENDED: Final = (TrialState.COMPLETE, TrialState.PRUNED)


def run(options: argparse.Namespace) -> int:
    """Search, then write hyperparameters.json and results/tuning.json and fill the README's tables."""
    workspace = Workspace.of(options)
    chosen = boosters.hyperparameters(workspace.hyperparameters)
    dataset = workspace.dataset()
    training = dataset.take(split(dataset).train)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(workspace.build / JOURNAL)))
    limits = {"minutes": options.minutes, "trials": options.trials, "threads": options.threads}
    for name in (options.variant,) if options.variant else boosters.VARIANTS:
        if options.fresh and _finished(storage, name):
            optuna.delete_study(study_name=name, storage=storage)
        study = search(storage, training, name, chosen[name], **limits)
        keep(study, name, workspace, len(training))
    readme.PAGE.fill(workspace.results)
    return OK


def search(
    storage: optuna.storages.BaseStorage,
    training: Dataset,
    name: str,
    start: boosters.Hyperparameters,
    *,
    minutes: float,
    trials: int | None,
    threads: int,
) -> optuna.Study:
    """Run or resume a variant's study until the time is up or the number of trials is reached."""
    # The seed depends on the number of finished trials, so that a resumed search does not repeat its first draws.
    done = _finished(storage, name)
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=SEED + done, n_startup_trials=STARTUP_TRIALS, multivariate=False),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    if not done:
        # XGBoost's defaults first, the hyperparameters in place second.
        study.enqueue_trial(UNTUNED)
        study.enqueue_trial(nearest(start.parameters, DEPTHS[name]))
    wanted = None if trials is None else trials - done
    if wanted is not None and wanted <= 0:
        log(f"{name}: all {done} trials are already done")
        return study
    features, fold = boosters.matrix(training.photometry, name), folds(training)
    with progress() as bar:
        task = bar.add_task(name, total=wanted, completed=0)

        def after(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
            best = f" {study.best_value:.5f}" if _complete(study) else ""
            bar.update(task, advance=1, description=f"{name}: log loss{best}")

        study.optimize(
            lambda trial: _score(trial, suggest(trial, DEPTHS[name]), features, training.labels, fold, threads=threads),
            n_trials=wanted,
            timeout=minutes * 60,
            callbacks=[after],
        )
    return study


def suggest(trial: optuna.Trial, depths: tuple[int, int]) -> boosters.Hyperparameters:
    """A point of the search space, with the number of rounds that fits its depth into the budget."""
    depth = trial.suggest_int("max_depth", *depths)
    parameters: dict[str, Any] = {
        "max_depth": depth,
        **{name: trial.suggest_float(name, low, high, log=log) for name, (low, high, log, _) in SPACE.items()},
        "max_bin": trial.suggest_categorical("max_bin", MAX_BINS),
    }
    return boosters.Hyperparameters(boosters.NODES_PER_ROW // (len(LABELS) * depth), parameters)


def nearest(parameters: Mapping[str, Any], depths: tuple[int, int]) -> dict[str, Any]:
    """The nearest point of the search space; parameters that are not given stay unset."""
    ranges = {"max_depth": depths, **{name: (low, high) for name, (low, high, *_) in SPACE.items()}}
    point = {name: min(max(parameters[name], low), high) for name, (low, high) in ranges.items() if name in parameters}
    if "max_bin" in parameters:
        point["max_bin"] = min(MAX_BINS, key=lambda bins: abs(bins - parameters["max_bin"]))
    return point


def keep(study: optuna.Study, name: str, workspace: Workspace, rows: int) -> None:
    """Write a variant's best trial to hyperparameters.json and the search's summary to the results."""
    complete = _complete(study)
    if not complete:
        raise ConfigurationError(f"no trial of {name} finished in time; increase --minutes")
    best = study.best_trial
    depth = int(best.params["max_depth"])
    chosen = workspace.hyperparameters
    content = read_json(chosen, "star tune") if chosen.exists() else {}
    content[name] = {
        "rounds": boosters.NODES_PER_ROW // (len(LABELS) * depth),
        "parameters": {key: _rounded(value) for key, value in best.params.items()},
    }
    write_json(chosen, content)

    path = workspace.results / TUNING
    summary = read_json(path, "star tune") if path.exists() else {}
    summary[name] = {
        "score": f"log loss, {FOLDS}-fold cross-validation on the training part",
        "rows": rows,
        "seed": SEED,
        "nodes_per_row": boosters.NODES_PER_ROW,
        "trials": {state.name.lower(): len(study.get_trials(states=(state,))) for state in _ENDED},
        "untuned": _scores(complete[0]),
        "best": {"trial": best.number, **_scores(best)},
        "features": list(boosters.FEATURES[name]),
    }
    write_json(path, summary)
    count, untuned = len(study.trials), complete[0].value
    log(f"{name}: log loss {best.value:.5f} in trial {best.number} of {count}, untuned {untuned:.5f}")


def _score(
    trial: optuna.Trial,
    chosen: boosters.Hyperparameters,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold: NDArray[np.int64],
    *,
    threads: int,
) -> float:
    losses = []
    table = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    started = time.perf_counter()
    for step, (training_rows, test_rows) in enumerate(held_out(fold)):
        booster = boosters.fit(features[training_rows], labels[training_rows], chosen, threads=threads)
        margins = boosters.margins(booster, features[test_rows])
        losses.append(calibration.log_loss(margins, labels[test_rows]))
        table += metrics.confusion(labels[test_rows], margins.argmax(axis=1), len(LABELS))
        trial.report(float(np.mean(losses)), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("accuracy", float(metrics.accuracy(table)))
    trial.set_user_attr("macro_f1", float(metrics.macro_f1(table)))
    trial.set_user_attr("seconds", round(time.perf_counter() - started, 1))
    return float(np.mean(losses))


def _scores(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    scores = {key: round(float(trial.user_attrs[key]), 6) for key in ("accuracy", "macro_f1")}
    return {"log_loss": round(float(trial.value or 0.0), 6), **scores}


def _rounded(value: float) -> float:
    """Round to four significant digits; whole numbers are kept."""
    return value if float(value).is_integer() else float(f"{value:.4g}")


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(states=(TrialState.COMPLETE,))


def _finished(storage: optuna.storages.BaseStorage, name: str) -> int:
    names = {summary.study_name for summary in optuna.get_all_study_summaries(storage)}
    if name not in names:
        return 0
    return len(optuna.load_study(study_name=name, storage=storage).get_trials(states=_ENDED))
