"""Latency of an ONNX file, its ratio to the roofline of the machine, and INT8 quantisation."""

from __future__ import annotations

import json
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
from skysort.pictures.model import PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnxruntime
    from numpy.typing import NDArray

_MATRIX: Final = 768
_ROUNDS, _CALLS, _PRODUCTS = 12, 20, 5
_PROFILED: Final = 200
_UNDISTURBED: Final = 10  # percentile of a node's times: other load only ever adds to them


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


def roofline(content: bytes, side: int) -> dict[str, float]:
    """The ratio of a picture's time to that of its multiply-adds at the machine's float32 peak, on one thread.

    The peak is that of ONNX Runtime on a square matrix product. Both are measured in turn, so that other load and a
    processor's changing clock disturb both alike, and both as processor time.

    Returns
    -------
    dict
        multiply_adds, peak_gflops, floor_ms (the time at the peak), processor_ms (of a picture) and the ratio of the
        two.
    """
    operations = multiply_adds(content, side)
    running, (product, matrix) = session(content), _matrix_product()
    picture = _noise(side)
    least = [np.inf, np.inf]
    for _ in range(_ROUNDS):
        for index, (call, times) in enumerate(
            (
                (lambda: running.run([PROBABILITIES], {INPUT: picture}), _CALLS),
                (lambda: product.run(None, {"a": matrix}), _PRODUCTS),
            )
        ):
            least[index] = min(least[index], milliseconds(call, times)["processor_p50"])
    peak = 2 * _MATRIX**3 / least[1] / 1e6
    floor = 2 * operations / peak / 1e6
    return {
        "multiply_adds": operations,
        "peak_gflops": round(peak, 1),
        "floor_ms": round(floor, 3),
        "processor_ms": least[0],
        "ratio": round(least[0] / floor, 2),
    }


def by_operator(content: bytes, side: int) -> dict[str, float]:
    """Milliseconds of a picture by operator of the graph that runs, the longest first; from ONNX Runtime's profile."""
    with tempfile.TemporaryDirectory() as folder:
        running = session(content, profile_into=Path(folder))
        picture = _noise(side)
        for _ in range(_PROFILED):
            running.run([PROBABILITIES], {INPUT: picture})
        events = json.loads(Path(running.end_profiling()).read_bytes())
    durations: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            durations.setdefault((event["args"]["op_name"], event["name"]), []).append(event["dur"] / 1e3)
    total: dict[str, float] = {}
    for (operator, _), measured in durations.items():
        total[operator] = total.get(operator, 0.0) + float(np.percentile(measured, _UNDISTURBED))
    return {name: round(total[name], 3) for name in sorted(total, key=total.__getitem__, reverse=True)}


def _noise(side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)


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
    product, matrix = _matrix_product()
    least = milliseconds(lambda: product.run(None, {"a": matrix}), 60)["least"]
    return float(2 * _MATRIX**3 / least / 1e6)


def _matrix_product() -> tuple[onnxruntime.InferenceSession, NDArray[np.float32]]:
    """A session for the product of a square matrix with another, and the matrix."""
    value, shape = onnx.helper.make_tensor_value_info, [_MATRIX, _MATRIX]
    matrix = np.random.default_rng(0).standard_normal((_MATRIX, _MATRIX)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "gemm",
        [value("a", onnx.TensorProto.FLOAT, shape)], [value("c", onnx.TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(matrix, "b")],
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    return session(model.SerializeToString()), matrix


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
