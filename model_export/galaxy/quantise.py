"""An INT8 copy of the file, made to be measured: whether eight bits pay is a question of the machine."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from onnxruntime import quantization

from model_export.galaxy.contract import INPUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CALIBRATION_PICTURES: Final = 64


class _Pictures(quantization.CalibrationDataReader):
    """Hands out pictures one by one, as the calibrator wants them."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._left: Iterator[NDArray[np.uint8]] = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next input, or None at the end."""
        picture = next(self._left, None)
        return None if picture is None else {INPUT: picture[np.newaxis]}


def to_int8(content: bytes, pictures: NDArray[np.uint8]) -> bytes:
    """Static quantisation of the convolutions: unsigned activations, signed weights a channel, QDQ form."""
    chosen = pictures[:: max(1, len(pictures) // CALIBRATION_PICTURES)][:CALIBRATION_PICTURES]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(content)
        logging.getLogger().setLevel(logging.ERROR)  # the library advises pre-processing, which export has done
        quantization.quantize_static(
            str(source), str(target), _Pictures(chosen),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )  # fmt: skip
        return target.read_bytes()
