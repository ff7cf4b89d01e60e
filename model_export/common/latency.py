"""Latency of an ONNX file, its ratio to the roofline of the machine, and INT8 quantisation."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from model_export.common.onnx_file import INPUT, IR_VERSION, OPSET, session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_MATRIX: Final = 768


def milliseconds(call: Callable[[], object], times: int, *, rounds: int = 1, pause_s: float = 0.0) -> dict[str, float]:
    """Wall-clock p50, p90 and minimum, and p50 of the CPU time, which depends less on other load.

    Parameters
    ----------
    call
        The function to time.
    times
        Calls per round.
    rounds
        Number of rounds; the round with the lowest median counts, since other load disturbs some rounds more.
    pause_s
        Pause before each call in seconds, as between requests.

    Returns
    -------
    dict
        Milliseconds by name.
    """
    call()
    best: tuple[list[float], list[float]] | None = None
    for _ in range(rounds):
        wall, processor = [], []
        for _ in range(times):
            if pause_s:
                time.sleep(pause_s)
            start, used = time.perf_counter(), time.process_time()
            call()
            wall.append(1e3 * (time.perf_counter() - start))
            processor.append(1e3 * (time.process_time() - used))
        if best is None or np.median(wall) < np.median(best[0]):
            best = wall, processor
    wall, processor = best or ([], [])
    return {
        "p50": round(float(np.median(wall)), 3),
        "p90": round(float(np.percentile(wall, 90)), 3),
        "least": round(min(wall), 3),
        "processor_p50": round(float(np.median(processor)), 3),
    }


def roofline(content: bytes, least_ms: float, side: int) -> dict[str, float]:
    """The ratio of a run's time to that of its multiply-adds at the machine's float32 peak, on one thread.

    The peak is measured with ONNX Runtime on a square matrix product. side: of the picture.

    Returns
    -------
    dict
        multiply_adds, peak_gflops, floor_ms (the time at the peak) and the ratio to it.
    """
    operations = multiply_adds(content, side)
    peak = peak_gigaflops()
    floor = 2 * operations / peak / 1e6
    return {
        "multiply_adds": operations,
        "peak_gflops": round(peak, 1),
        "floor_ms": round(floor, 3),
        "ratio": round(least_ms / floor, 2),
    }


def multiply_adds(content: bytes, side: int) -> int:
    """Multiply-adds of the convolutions and matrix products for one picture, without activation maps."""
    model = onnx.load_from_string(content)
    for value in model.graph.input:
        if value.name == INPUT:
            for axis in value.type.tensor_type.shape.dim[1:3]:
                axis.dim_value = side
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [axis.dim_value or int(axis.dim_param == "n") for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shapes[node.output[0]])) * int(np.prod(shapes[node.input[1]][1:]))
        elif node.op_type in ("Gemm", "MatMul"):
            total += int(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][-1]
    return total


def peak_gigaflops() -> float:
    """The float32 peak of one core, by ONNX Runtime on a square matrix product."""
    value, shape = onnx.helper.make_tensor_value_info, [_MATRIX, _MATRIX]
    matrix = np.random.default_rng(0).standard_normal((_MATRIX, _MATRIX)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "gemm",
        [value("a", onnx.TensorProto.FLOAT, shape)], [value("c", onnx.TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(matrix, "b")],
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    running = session(model.SerializeToString())
    least = milliseconds(lambda: running.run(None, {"a": matrix}), 60)["least"]
    return float(2 * _MATRIX**3 / least / 1e6)


class _Pictures(CalibrationDataReader):
    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next picture; None after the last."""
        picture = next(self._left, None)
        return None if picture is None else {INPUT: picture[np.newaxis]}


def to_int8(content: bytes, pictures: NDArray[np.uint8], operators: Sequence[str] = ("Conv",)) -> bytes:
    """Quantise to 8 bits: unsigned activations, signed weights, one scale per channel, ranges from the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        source, prepared, quantised = (Path(folder, f"{name}.onnx") for name in ("source", "prepared", "quantised"))
        source.write_bytes(content)
        logging.getLogger().setLevel(logging.ERROR)  # the library recommends the pre-processing that is done here
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared, quantised, _Pictures(pictures), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=list(operators),
        )  # fmt: skip
        return quantised.read_bytes()
