"""How fast a file is, how that compares with what the machine can do, and what INT8, threads and batches bring."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from model_export.common import onnx_file
from model_export.image import photographs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

REPEATS: Final = 200
SESSIONS: Final = 15
BATCHES: Final = (1, 2, 4, 8, 16)
THREADS: Final = (1, 2)
_GEMM: Final = 768
CALIBRATION: Final = 64


def milliseconds(call: Callable[[], object], repeats: int = REPEATS) -> dict[str, float]:
    """Wall-clock p50 and least time, and processor time of the process, which a busy machine disturbs less."""
    call()
    wall, processor = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        call()
        wall.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - used))
    return {
        "p50": round(statistics.median(wall), 3),
        "least": round(min(wall), 3),
        "processor_p50": round(statistics.median(processor), 3),
    }


def latency(content: bytes, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """One photograph, one thread; the same with an explanation; session creation; threads; batches."""
    session = onnx_file.session(content)
    one = pixels[:1]
    dynamic = not isinstance(session.get_inputs()[0].shape[0], int)
    asked = {"image": one, "explain": np.array([0], dtype=np.int64)}
    return {
        "one": milliseconds(lambda: session.run(["probabilities"], {"image": one})),
        "one_explained": milliseconds(lambda: session.run(["probabilities", "activation"], asked)),
        "session_creation": milliseconds(lambda: onnx_file.session(content), SESSIONS),
        "threads": {str(count): milliseconds(_runner(onnx_file.session(content, count), one)) for count in THREADS},
        "batches_per_picture": {
            str(size): round(
                milliseconds(_runner(session, np.repeat(one, size, 0)), REPEATS // size)["processor_p50"] / size, 3
            )
            for size in (BATCHES if dynamic else (1,))
        },
    }


def public(content: bytes) -> dict[str, float]:
    """The public file on the same machine: one photograph that is scaled and laid out already, one thread."""
    session = onnx_file.session(content)
    picture = np.zeros((1, 3, photographs.SIDE, photographs.SIDE), dtype=np.float32)
    return milliseconds(lambda: session.run(["prob"], {"input": picture}))


def _runner(session: Any, pictures: NDArray[np.uint8]) -> Callable[[], object]:
    return lambda: session.run(["probabilities"], {"image": pictures})


def roofline(content: bytes, least_ms: float) -> dict[str, float]:
    """The ratio of a run to what its multiplications would take at the machine's fp32 peak, one thread.

    The peak is what ONNX Runtime reaches on a square matrix product, the best that its kernels do here.
    """
    operations = 2 * multiply_adds(content)
    peak = _gemm_gigaflops()
    floor = operations / peak / 1e6
    return {
        "multiply_adds": operations // 2,
        "peak_gflops": round(peak, 1),
        "floor_ms": round(floor, 3),
        "ratio": round(least_ms / floor, 2),
    }


def multiply_adds(content: bytes) -> int:
    """Of the convolutions and matrix products that probabilities need, for one picture."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    sizes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in model.graph.value_info
    }
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        weight = weights.get(node.input[1], ()) if len(node.input) > 1 else ()
        if node.op_type == "Conv":
            total += int(np.prod(weight)) * int(np.prod(sizes[node.output[0]][2:]))
        elif node.op_type == "Gemm" and not any(
            attribute.name == "transB" and attribute.i for attribute in node.attribute
        ):
            total += int(np.prod(weight))
    return total


def _gemm_gigaflops() -> float:
    shape = [_GEMM, _GEMM]
    value = onnx.helper.make_tensor_value_info
    matrix = np.random.default_rng(0).standard_normal((_GEMM, _GEMM)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "gemm",
        [value("a", onnx.TensorProto.FLOAT, shape)], [value("c", onnx.TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(matrix, "b")],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", onnx_file.OPSET)])
    model.ir_version = onnx_file.IR_VERSION
    session = onnx_file.session(model.SerializeToString())
    least = milliseconds(lambda: session.run(None, {"a": matrix}), 60)["least"]
    return float(2 * _GEMM**3 / least / 1e6)


class _Pictures(CalibrationDataReader):
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._left = iter(pixels)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next picture, None after the last."""
        picture = next(self._left, None)
        return None if picture is None else {"image": picture[np.newaxis]}


def int8(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """The file with 8-bit convolutions (U8S8, a scale a channel), ranges from photographs.

    The head stays as it is: its matrices are shared with the activation map.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, ready, done = (Path(folder, name) for name in ("given.onnx", "ready.onnx", "done.onnx"))
        given.write_bytes(content)
        quant_pre_process(given, ready, skip_symbolic_shape=True)
        quantize_static(
            ready, done, _Pictures(pixels[:CALIBRATION]), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Add"],
        )  # fmt: skip
        return done.read_bytes()
