"""ONNX files that load fast on x86-64 and ARM: optimisation, metadata, sessions, and inference as in a request."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime

from skysort.errors import ConfigurationError
from skysort.pictures.model import ACTIVATION, EMBEDDING, EXPLAINED_CLASSES, FEATURES, HEIGHT, PROBABILITIES, WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

OPSET: Final = 18
IR_VERSION: Final = 10
INPUT: Final = "image"
EXPLAIN: Final = EXPLAINED_CLASSES
OUTPUTS: Final = (PROBABILITIES, ACTIVATION, EMBEDDING)
STANDARD: Final = ("", "ai.onnx")
_MAP_RANK: Final = 4
_MAP_SIZE: Final = "map_size"
# ONNX Runtime warns about every input that has a default, which `explain` has on purpose.
_ERRORS_ONLY: Final = 3


def optimised(model: onnx.ModelProto) -> bytes:
    """Fold constants and fuse nodes with ONNX Runtime, then strip and check the file.

    Only the basic level is saved: the higher levels bring in ONNX Runtime's own operators and processor-specific
    layouts, which it chooses whenever a session is created.

    Returns
    -------
    bytes
        The file. Its input `explain`, if it has one, is optional and empty by default: no activation maps. Its last map
        before pooling is an output, `features`.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "optimised.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        smaller = onnx.load(path)
    graph = smaller.graph
    # The exporter records the source file and line of each node.
    for node in graph.node:
        node.doc_string = ""
    for noted in (smaller, graph, *graph.node, *graph.input, *graph.output):
        del noted.metadata_props[:]
    del graph.value_info[:]
    smaller.ir_version = IR_VERSION
    smaller.producer_name, smaller.producer_version = "skysort", ""
    kept = [entry for entry in smaller.opset_import if entry.domain in STANDARD]
    del smaller.opset_import[:]
    smaller.opset_import.extend(kept)
    if EXPLAIN in {value.name for value in graph.input}:
        graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(0, dtype=np.int64), EXPLAIN))
    return _written(_with_features(smaller))


def with_features(content: bytes) -> bytes:
    """A file whose last map before pooling is an output too, `features`; one that has it stays as it is."""
    return _written(_with_features(onnx.load_from_string(content)))


def with_any_size(content: bytes) -> bytes:
    """A file that takes pictures of any size; one that does stays as it is.

    Weights and fused operators stay the same: what the exporter wrote down of the last map's size, to flatten it and to
    shape the activation maps, is asked of the map itself.

    Parameters
    ----------
    content
        A file with the output `features`.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    ConfigurationError
        If it flattens its last map in another way.
    """
    model = onnx.load_from_string(content)
    graph = model.graph
    (image,) = (value for value in graph.input if value.name == INPUT)
    if image.type.tensor_type.shape.dim[1].dim_param:
        return content
    known = {tensor.name: tensor for tensor in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    flattened = [node for node in graph.node if node.op_type == "Reshape" and node.input[0] == FEATURES]
    joined = made[made[ACTIVATION].input[1]] if made[ACTIVATION].op_type == "Reshape" else None
    if len(flattened) != 1 or flattened[0].input[1] not in known or joined is None or joined.op_type != "Concat":
        raise ConfigurationError(f"the graph must flatten {FEATURES} once, and give {ACTIVATION} its size back")
    (flatten,) = flattened
    shape = known[flatten.input[1]]
    channels = int(onnx.numpy_helper.to_array(shape)[1])
    shape.CopyFrom(onnx.numpy_helper.from_array(np.array([0, channels, -1]), shape.name))
    for attribute in flatten.attribute:
        if attribute.name == "allowzero":  # the 0 stands for the number of pictures
            attribute.i = 0
    joined.input[:] = [*joined.input[:2], _MAP_SIZE]
    asked = onnx.helper.make_node("Shape", [FEATURES], [_MAP_SIZE], f"node_{_MAP_SIZE}", start=2)
    nodes = [node for node in graph.node if node is not joined]
    place = 1 + next(number for number, node in enumerate(nodes) if FEATURES in node.output)
    nodes[place:place] = [asked, joined]
    _replace(graph.node, nodes)
    used = {name for node in graph.node for name in node.input}
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in used])
    _name_axes(image, 1, HEIGHT, WIDTH)
    for value in graph.output:
        if value.name in {ACTIVATION, FEATURES}:
            _name_axes(value, 2, "rows", "columns")
    return _written(model)


def _replace(repeated: Any, messages: Iterable[Any]) -> None:
    copies = [type(message).FromString(message.SerializeToString()) for message in messages]
    del repeated[:]
    repeated.extend(copies)


def _name_axes(value: onnx.ValueInfoProto, start: int, *names: str) -> None:
    for axis, name in zip(value.type.tensor_type.shape.dim[start:], names, strict=False):
        axis.dim_param = name


def _written(model: onnx.ModelProto) -> bytes:
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _with_features(model: onnx.ModelProto) -> onnx.ModelProto:
    """Name the pooled map, and declare it: no node is added, so that predictions and their time stay the same."""
    graph = model.graph
    if FEATURES in {value.name for value in graph.output}:
        return model
    known = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    pooled = {
        node.input[0]
        for node in graph.node
        if node.op_type == "ReduceMean"
        and not onnx.helper.get_node_attr_value(node, "keepdims")
        and len(known[node.input[0]].type.tensor_type.shape.dim) == _MAP_RANK
    }
    if len(pooled) != 1:
        raise ConfigurationError(f"the graph must pool one map for its embedding, found {sorted(pooled)}")
    (name,) = pooled
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [FEATURES if other == name else other for other in names]
    declared = onnx.ValueInfoProto()
    declared.CopyFrom(known[name])
    declared.name = FEATURES
    graph.output.append(declared)
    return model


def facts(content: bytes) -> dict[str, int]:
    """Size, versions, number of nodes and parameters of a file, as in the card."""
    model = onnx.load_from_string(content)
    return {
        "bytes": len(content),
        "opset": next(entry.version for entry in model.opset_import if entry.domain in STANDARD),
        "ir_version": model.ir_version,
        "nodes": len(model.graph.node),
        "parameters": sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
    }


def session(
    content: bytes, threads: int = 1, *, optimised_into: Path | None = None, profile_into: Path | None = None
) -> onnxruntime.InferenceSession:
    """A session as in the service: all optimisations, no spinning."""
    # optimised_into: a file for the graph that runs. profile_into: a folder for its profile.
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if optimised_into is not None:
        options.optimized_model_filepath = str(optimised_into)
    if profile_into is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_into / "profile")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def probabilities(
    running: onnxruntime.InferenceSession,
    pictures: Iterable[NDArray[np.uint8]],
    on_each: Callable[[], object] = lambda: None,
) -> NDArray[np.float32]:
    """(n, classes) probabilities of (h, w, 3) uint8 pictures, one picture per run as in a request."""
    outputs: list[Any] = []
    for picture in pictures:
        outputs += list(running.run([PROBABILITIES], {INPUT: picture[np.newaxis]})[0])
        on_each()
    return np.array(outputs)
