"""How long an ONNX file takes, and how that compares with what the processor could do."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper, shape_inference

from model_export.galaxy.contract import INPUT, PROBABILITIES

ROUNDS: Final = 10
TIMES: Final = 30
PAUSE_S: Final = 0.01
SESSIONS: Final = 9
MATRIX: Final = 384
MATRIX_TIMES: Final = 1000


def session(content: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session as the functions make it: all optimisations for this processor, so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def milliseconds(content: bytes, side: int, *, threads: int = 1, batch: int = 1) -> dict[str, float]:
    """p50, p90 and least time of one run, in milliseconds, with the probabilities alone asked for.

    The runs are taken as requests come, with a pause before each, and in rounds, of which the one with
    the least median counts: a machine that has other work disturbs some rounds more than others.
    """
    running = session(content, threads)
    only_asked = onnxruntime.RunOptions()
    only_asked.only_execute_path_to_fetches = True
    picture = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    rounds = []
    for _ in range(ROUNDS):
        taken = []
        for _ in range(TIMES):
            time.sleep(PAUSE_S)
            start = time.perf_counter()
            running.run([PROBABILITIES], {INPUT: picture}, only_asked)
            taken.append((time.perf_counter() - start) * 1e3)
        rounds.append(taken)
    kept = min(rounds, key=lambda taken: float(np.median(taken)))
    return {
        "p50": round(float(np.median(kept)), 3),
        "p90": round(float(np.percentile(kept, 90)), 3),
        "least": round(min(kept), 3),
    }


def least(content: bytes, side: int) -> float:
    """The least time of one run on one thread, in milliseconds: to compare files on a machine that has other work."""
    return milliseconds(content, side)["least"]


def creation(content: bytes) -> dict[str, float]:
    """Median and least time to make a session, in milliseconds."""
    taken = []
    for _ in range(SESSIONS):
        start = time.perf_counter()
        session(content)
        taken.append((time.perf_counter() - start) * 1e3)
    return {"p50": round(float(np.median(taken)), 2), "least": round(min(taken), 2)}


def multiply_adds(content: bytes) -> int:
    """Multiply-adds of the convolutions and matrix products of one run."""
    model = shape_inference.infer_shapes(onnx.load_from_string(content))
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.input, *model.graph.output)
    }
    shapes |= {tensor.name: list(numpy_helper.to_array(tensor).shape) for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            weight, out = shapes[node.input[1]], shapes[node.output[0]]
            total += int(np.prod(out)) * int(np.prod(weight[1:]))
        elif node.op_type in ("Gemm", "MatMul"):
            out = shapes[node.output[0]]
            left = shapes[node.input[0]]
            total += int(np.prod(out)) * left[-1]
    return total


def peak_multiply_adds_per_ms() -> float:
    """What one core of this machine does at best in float32: a large matrix product in ONNX Runtime."""
    left = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [MATRIX, MATRIX])
    right = onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [MATRIX, MATRIX])
    out = onnx.helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [MATRIX, MATRIX])
    graph = onnx.helper.make_graph([onnx.helper.make_node("MatMul", ["a", "b"], ["c"])], "peak", [left, right], [out])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    running = session(model.SerializeToString())
    values = np.random.default_rng(0).standard_normal((2, MATRIX, MATRIX), dtype=np.float32)
    taken = []
    for _ in range(MATRIX_TIMES):
        start = time.perf_counter()
        running.run(None, {"a": values[0], "b": values[1]})
        taken.append((time.perf_counter() - start) * 1e3)
    return MATRIX**3 / min(taken)


def roofline(content: bytes, side: int) -> dict[str, Any]:
    """Multiply-adds of the file, the machine's peak, and how many times the peak's time a run takes."""
    operations = multiply_adds(content)
    peak = peak_multiply_adds_per_ms()
    at_peak = operations / peak
    return {
        "multiply_adds": operations,
        "peak_gflops_one_thread": round(2 * peak / 1e6, 1),
        "ms_at_peak": round(at_peak, 3),
        "ratio": round(milliseconds(content, side)["least"] / at_peak, 2),
    }
