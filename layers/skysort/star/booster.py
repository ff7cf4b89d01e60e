"""A gradient-boosted model through XGBoost's documented C API.

Why not ``import xgboost``: its Python package imports scipy.sparse (and numpy.f2py with it), which would be most of the
star function's cold start and 110 MB of its image, for type checks that serving never needs. The shared library of the
same wheel does the work either way; a test compares this adapter with xgboost.Booster, value for value.

C API: https://xgboost.readthedocs.io/en/stable/c.html
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import math
import sys
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import ArtefactError, ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# `type` of XGBoosterPredictFromDMatrix: 1 is the margin, 2 the SHAP contributions.
_MARGIN: Final = 1
_CONTRIBUTIONS: Final = 2


@cache
def load_library() -> ctypes.CDLL:
    """Load libxgboost from the installed wheel without running the Python package."""
    spec = importlib.util.find_spec("xgboost")
    if spec is None or spec.origin is None:
        raise ConfigurationError("xgboost is not installed: the star model needs the xgboost-cpu wheel")
    path = Path(spec.origin).parent / "lib" / f"libxgboost.{'dylib' if sys.platform == 'darwin' else 'so'}"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ConfigurationError(f"the xgboost library cannot be loaded from {path}: {error}") from error
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library


def call(function: Any, *arguments: Any) -> None:
    """Call a function of the library; raises ArtefactError with its message."""
    if function(*arguments) != 0:
        raise ArtefactError(f"xgboost: {load_library().XGBGetLastError().decode().strip().splitlines()[0]}")


def _config(kind: int) -> bytes:
    options = {"type": kind, "training": False, "iteration_begin": 0, "iteration_end": 0, "strict_shape": True}
    if kind == _MARGIN:
        options |= {"cache_id": 0}
    # XGBoost accepts NaN, which is not valid JSON, as the missing value.
    return json.dumps({**options, "missing": float("nan")}).encode()


_MARGIN_CONFIG: Final = _config(_MARGIN)
_CONTRIBUTIONS_CONFIG: Final = _config(_CONTRIBUTIONS)
_DMATRIX_CONFIG: Final = json.dumps({"missing": float("nan"), "nthread": 1}).encode()


class Booster:
    """A trained booster, ready to predict.

    model: the bytes of a UBJSON model file. threads: threads for a prediction.
    Raises ArtefactError when the bytes are not a model.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        library = load_library()
        self._handle = ctypes.c_void_p()
        call(library.XGBoosterCreate, None, ctypes.c_uint64(0), ctypes.byref(self._handle))
        weakref.finalize(self, library.XGBoosterFree, self._handle)
        call(library.XGBoosterLoadModelFromBuffer, self._handle, model, ctypes.c_uint64(len(model)))
        call(library.XGBoosterSetParam, self._handle, b"nthread", str(threads).encode())
        count = ctypes.c_uint64()
        call(library.XGBoosterGetNumFeature, self._handle, ctypes.byref(count))
        self.feature_count: int = count.value

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw class scores before softmax: (n, k) float32 features -> (n, classes) float32."""
        interface = self._array_interface(features)
        result = _Result()
        predict = load_library().XGBoosterPredictFromDense
        call(predict, self._handle, interface, _MARGIN_CONFIG, None, *result.references)
        return result.copied()

    def contributions(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Exact tree SHAP values.

        Parameters
        ----------
        features
            (n, k).

        Returns
        -------
        (n, classes, k + 1); the last column is the base value, and each class's row sums to its margin.

        Notes
        -----
        Lundberg et al. 2018, arXiv:1802.03888.
        """
        library = load_library()
        interface = self._array_interface(features)
        result = _Result()
        matrix = ctypes.c_void_p()
        call(library.XGDMatrixCreateFromDense, interface, _DMATRIX_CONFIG, ctypes.byref(matrix))
        try:
            predict = library.XGBoosterPredictFromDMatrix
            call(predict, self._handle, matrix, _CONTRIBUTIONS_CONFIG, *result.references)
            return result.copied()
        finally:
            library.XGDMatrixFree(matrix)

    def _array_interface(self, features: NDArray[np.float32]) -> bytes:
        """NumPy's array interface as JSON for the C API, without copying the values."""
        if features.dtype != np.float32 or not features.flags.c_contiguous:
            raise TypeError(f"features must be C-contiguous float32, got {features.dtype} {features.shape}")
        rows, columns = features.shape
        if columns != self.feature_count:
            raise ValueError(f"this booster takes {self.feature_count} features per row, got {columns}")
        address = features.ctypes.data
        return b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}' % (address, rows, columns)


class _Result:
    """Output arguments of a prediction: its shape, number of dimensions and values."""

    def __init__(self) -> None:
        self._shape = ctypes.POINTER(ctypes.c_uint64)()
        self._dimensions = ctypes.c_uint64()
        self._values = ctypes.POINTER(ctypes.c_float)()
        self.references = tuple(ctypes.byref(part) for part in (self._shape, self._dimensions, self._values))

    def copied(self) -> NDArray[np.float32]:
        """Copy the prediction out of the library's thread-local buffer, which its next call overwrites."""
        shape = tuple(self._shape[: self._dimensions.value])
        content = ctypes.string_at(self._values, 4 * math.prod(shape))
        return np.frombuffer(content, np.float32).reshape(shape)
