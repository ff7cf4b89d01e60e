"""From a trained network to one ONNX file that any x86-64 or ARM machine loads fast."""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import torch

if TYPE_CHECKING:
    from model_export.image.served import Served

OPSET: Final = 18
IR_VERSION: Final = 10
INPUT: Final = "image"
EXPLAIN: Final = "explain"
OUTPUTS: Final = ("probabilities", "activation", "embedding")
STANDARD: Final = ("", "ai.onnx")
# ONNX Runtime warns of every input that has a default, which `explain` has on purpose.
_ERRORS_ONLY: Final = 3


def export(served: Served, side: int, batch: int | None = None) -> bytes:
    """A checked ONNX file for pictures of side x side pixels; batch None leaves the number of pictures open.

    It holds standard operators only: ONNX Runtime's own, and the layouts that it prefers on one
    processor, are chosen anew when a session is made.
    """
    pictures = torch.zeros((batch or 2, side, side, 3), dtype=torch.uint8)
    classes = torch.arange(2)
    shapes = {
        "image": None if batch else {0: torch.export.Dim("n")},
        "explain": {0: torch.export.Dim("k")},
    }
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here uses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks of its own future
        program = torch.onnx.export(
            served.eval(), (), kwargs={"image": pictures, "explain": classes}, dynamo=True, opset_version=OPSET,
            dynamic_shapes=shapes, input_names=[INPUT, EXPLAIN], output_names=list(OUTPUTS), verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("the exporter returned no program")
    return optimised(program.model_proto)


def optimised(model: onnx.ModelProto) -> bytes:
    """Constants folded and nodes fused by ONNX Runtime at its basic level, then stripped and checked."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "optimised.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        smaller = onnx.load(path)
    for node in smaller.graph.node:
        # The exporter notes which line of which file on this machine each node came from.
        node.doc_string = ""
        del node.metadata_props[:]
    for notes in (smaller.metadata_props, smaller.graph.metadata_props, smaller.graph.value_info):
        del notes[:]
    for value in (*smaller.graph.input, *smaller.graph.output):
        del value.metadata_props[:]
    smaller.ir_version = IR_VERSION
    smaller.producer_name, smaller.producer_version = "skysort", ""
    kept = [entry for entry in smaller.opset_import if entry.domain in STANDARD]
    del smaller.opset_import[:]
    smaller.opset_import.extend(kept)
    # An input with a value of its own may be left out: nobody asks for a map unless they name a class.
    smaller.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(0, dtype=np.int64), EXPLAIN))
    onnx.checker.check_model(smaller, full_check=True)
    return bytes(smaller.SerializeToString(deterministic=True))


def facts(content: bytes) -> dict[str, int]:
    """Size, versions, nodes and parameters of a file, as the card has them."""
    model = onnx.load_from_string(content)
    return {
        "bytes": len(content),
        "opset": next(entry.version for entry in model.opset_import if entry.domain in STANDARD),
        "ir_version": model.ir_version,
        "nodes": len(model.graph.node),
        "parameters": sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
    }


def session(content: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session as the service makes it: one thread unless told, no spinning between requests."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
