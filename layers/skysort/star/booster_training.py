"""Training of a gradient-boosted model through XGBoost's documented C API.

The same library and calls that xgboost.train makes, without its Python package (see skysort.star.booster): the same
rows, parameters and seed give the same model, which a test checks.

C API: https://xgboost.readthedocs.io/en/stable/c.html
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.star.booster import call, load_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

OBJECTIVE: Final = "multi:softprob"
_METRIC: Final = "mlogloss"
_EVALUATED: Final = b"validation"
_LABEL, _WEIGHT = b"label", b"weight"
_UBJ: Final = b'{"format":"ubj"}'


def _library() -> ctypes.CDLL:
    """The library, whose idle threads sleep if nothing has loaded it before."""
    # OpenMP's threads otherwise spin until the next of thousands of short loops: where other processes use the cores,
    # two threads take 8 to 25 times as long as one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return load_library()


class Matrix:
    """Rows for training: features (n, k) float32, labels (n,) from 0 on, and weights (n,) if there are some."""

    def __init__(
        self,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        weights: NDArray[np.float32] | None = None,
        *,
        threads: int = 1,
    ) -> None:
        library = _library()
        rows = np.ascontiguousarray(features, np.float32)
        config = json.dumps({"missing": float("nan"), "nthread": threads}).encode()
        self.handle = ctypes.c_void_p()
        call(library.XGDMatrixCreateFromDense, _interface(rows), config, ctypes.byref(self.handle))
        weakref.finalize(self, library.XGDMatrixFree, self.handle)
        for field, values in ((_LABEL, labels), (_WEIGHT, weights)):
            if values is not None:
                content = np.ascontiguousarray(values, np.float32)
                call(library.XGDMatrixSetInfoFromInterface, self.handle, field, _interface(content))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted booster.

    model: UBJSON. rounds: boosting rounds in it. losses: log loss of the validation rows after each round that was
    fitted; empty without them. timed_out: whether the time limit ended it.
    """

    model: bytes
    rounds: int
    losses: tuple[float, ...] = ()
    timed_out: bool = False


def fit(
    training: Matrix,
    parameters: Mapping[str, Any],
    rounds: int,
    *,
    classes: int,
    seed: int,
    threads: int = 1,
    validation: Matrix | None = None,
    patience: int | None = None,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> Fitted:
    """Fit a booster; the same rows, parameters and seed give the same bytes for any number of threads.

    Parameters
    ----------
    training
        The rows.
    parameters
        XGBoost's own, such as max_depth and eta.
    rounds
        Boosting rounds at most; each grows a tree per class.
    classes
        Number of classes.
    seed
        Of the rows and columns that each tree samples.
    threads
        Threads of the library.
    validation
        Rows whose log loss is measured after each round.
    patience
        End after this many rounds without a lower loss, and keep those up to the lowest; needs validation rows.
    seconds
        Begin no round after this time; at least one is fitted.
    clock
        The time in seconds.

    Returns
    -------
    The model.
    """
    booster = _Booster.of([training] if validation is None else [training, validation])
    booster.set({"objective": OBJECTIVE, "num_class": classes, "tree_method": "hist", "seed": seed, **parameters})
    booster.set({"eval_metric": _METRIC, "nthread": threads})
    started = clock()
    losses: list[float] = []
    fitted, timed_out = 0, False
    while fitted < rounds and not timed_out:
        booster.grow(fitted, training)
        fitted += 1
        if validation is not None:
            losses.append(booster.loss(fitted - 1, validation))
            if patience is not None and fitted - 1 - int(np.argmin(losses)) >= patience:
                break
        timed_out = fitted < rounds and clock() - started > seconds
    kept = int(np.argmin(losses)) + 1 if patience is not None and losses else fitted
    model = booster if kept == fitted else booster.first(kept)
    return Fitted(model.saved(), kept, tuple(losses), timed_out)


class _Booster:
    """A booster of the library, freed with this object."""

    def __init__(self, handle: ctypes.c_void_p) -> None:
        self.handle = handle
        weakref.finalize(self, _library().XGBoosterFree, handle)

    @classmethod
    def of(cls, matrices: Sequence[Matrix]) -> Self:
        """An empty booster that will read these rows."""
        handle = ctypes.c_void_p()
        known = (ctypes.c_void_p * len(matrices))(*(matrix.handle for matrix in matrices))
        call(_library().XGBoosterCreate, known, ctypes.c_uint64(len(matrices)), ctypes.byref(handle))
        return cls(handle)

    def set(self, parameters: Mapping[str, Any]) -> None:
        """Set XGBoost's parameters."""
        for name, value in parameters.items():
            call(_library().XGBoosterSetParam, self.handle, name.encode(), str(value).encode())

    def grow(self, number: int, training: Matrix) -> None:
        """Fit a round: a tree per class."""
        call(_library().XGBoosterUpdateOneIter, self.handle, ctypes.c_int(number), training.handle)

    def loss(self, number: int, validation: Matrix) -> float:
        """The log loss of rows after a round, as the library writes it after the last colon."""
        matrices, names = (ctypes.c_void_p * 1)(validation.handle), (ctypes.c_char_p * 1)(_EVALUATED)
        text = ctypes.c_char_p()
        evaluate = _library().XGBoosterEvalOneIter
        call(evaluate, self.handle, ctypes.c_int(number), matrices, names, ctypes.c_uint64(1), ctypes.byref(text))
        return float((text.value or b"").rpartition(b":")[2])

    def first(self, rounds: int) -> _Booster:
        """A booster of the first rounds."""
        handle = ctypes.c_void_p()
        first, last, step = ctypes.c_int(0), ctypes.c_int(rounds), ctypes.c_int(1)
        call(_library().XGBoosterSlice, self.handle, first, last, step, ctypes.byref(handle))
        return _Booster(handle)

    def saved(self) -> bytes:
        """The model as UBJSON."""
        length, content = ctypes.c_uint64(), ctypes.c_void_p()
        save = _library().XGBoosterSaveModelToBuffer
        call(save, self.handle, _UBJ, ctypes.byref(length), ctypes.byref(content))
        return ctypes.string_at(content, length.value)


def _interface(values: NDArray[np.float32]) -> bytes:
    """NumPy's array interface as JSON for the C API, which copies the values."""
    about = {"data": [values.ctypes.data, True], "shape": list(values.shape), "typestr": "<f4", "version": 3}
    return json.dumps(about).encode()
