"""Weights read out of ONNX files, against the library that wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from skysort.custom.onnx_weights import weights
from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAYS: dict[str, NDArray[Any]] = {
    "first": np.arange(6, dtype=np.float32).reshape(2, 3),
    "second": np.linspace(-1, 1, 300, dtype=np.float32).reshape(3, 100),
    "numbers": np.arange(4, dtype=np.int64),
}


def file() -> bytes:
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 3])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "first"], ["y"])],
        "graph",
        [value],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2, 3])],
        [numpy_helper.from_array(array, name) for name, array in ARRAYS.items()],
    )
    return bytes(helper.make_model(graph).SerializeToString())


FILE = file()


@pytest.mark.parametrize("name", ["first", "second"])
def test_an_array_is_what_was_written(name: str) -> None:
    np.testing.assert_array_equal(weights(FILE, name), ARRAYS[name])


@pytest.mark.parametrize("name", ["third", "numbers", ""])
def test_an_array_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ArtefactError, match="no weights"):
        weights(FILE, name)


@given(st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject) -> None:
    # Given a file that is cut, or has other bytes somewhere
    cut = data.draw(st.integers(0, len(FILE)))
    content = bytearray(FILE[:cut])
    for place in data.draw(st.lists(st.integers(0, max(0, cut - 1)), max_size=4)) if cut else ():
        content[place] = data.draw(st.integers(0, 255))

    # Then it is read, or refused by name
    try:
        found = weights(bytes(content), "second")
    except ArtefactError:
        return
    assert found.dtype == np.float32
