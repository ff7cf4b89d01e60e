"""What is counted and measured of an ONNX file; no time is asserted."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_export.common import latency, onnx_file
from skysort.pictures.model import PROBABILITIES


@pytest.fixture(scope="module")
def content() -> bytes:
    """A picture's channels, a 1 x 1 convolution to two classes, and their mean over the picture."""
    weight = np.ones((2, 3, 1, 1), dtype=np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels", "weight"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], [PROBABILITIES]),
    ]
    picture = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 8, 8, 3])
    answer = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [1, 2, 1, 1])
    graph = helper.make_graph(nodes, "small", [picture], [answer], [numpy_helper.from_array(weight, "weight")])
    opset = helper.make_opsetid("", onnx_file.OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=onnx_file.IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_multiply_adds_are_those_of_the_convolution(content: bytes) -> None:
    assert latency.multiply_adds(content, 8) == 2 * 3 * 8 * 8


def test_time_is_split_among_the_operators_that_run(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(latency, "_PROFILED", 3)
    # When
    found = latency.by_operator(content, 8)
    # Then
    assert {"Cast", "Conv", "GlobalAveragePool"} <= set(found)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_the_roofline_compares_the_time_with_that_at_the_peak(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a file that always takes 3 ms, and a product of matrices that takes 1 ms
    taken = {latency._CALLS: 3.0, latency._PRODUCTS: 1.0}
    monkeypatch.setattr(latency, "milliseconds", lambda _call, times: {"processor_p50": taken[times]})
    # When
    found = latency.roofline(content, 8)
    # Then
    peak = 2 * latency._MATRIX**3 / 1e6  # GFLOP/s
    assert (found["multiply_adds"], found["processor_ms"]) == (384, 3.0)
    assert found["peak_gflops"] == pytest.approx(peak, rel=1e-3)
    assert found["ratio"] == pytest.approx(3.0 / (2 * 384 / peak / 1e6), rel=1e-3)
