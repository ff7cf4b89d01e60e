"""From a trained network to one ONNX file that any x86-64 or ARM machine loads fast."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnx
import onnxruntime
import torch

from model_export.galaxy.contract import INPUT, OUTPUTS

if TYPE_CHECKING:
    from model_export.galaxy.graph import Served

OPSET: Final = 18
IR_VERSION: Final = 10
# They report every operator that they leave as it is, and torchvision, which is not needed.
CHATTY: Final = ("onnxscript", "onnx_ir", "torch.onnx")


def export(served: Served, side: int, batch: int = 1) -> bytes:
    """A checked ONNX file with constant shapes, optimised but bound to no processor.

    Only ONNX Runtime's basic level is written down: the higher ones bring its own operators and the
    layouts of one processor, which it chooses anew wherever a session is made.
    """
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    picture = torch.zeros((batch, side, side, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks of its own future
        program = torch.onnx.export(
            served.eval(), (picture,), dynamo=True, opset_version=OPSET,
            input_names=[INPUT], output_names=list(OUTPUTS), verbose=False,
        )  # fmt: skip
    assert program is not None  # noqa: S101 - without a file name the exporter returns the program
    return optimised(program.model_proto)


def optimised(model: onnx.ModelProto) -> bytes:
    """Constants folded and nodes fused by ONNX Runtime at its basic level, then checked."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "optimised.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        smaller = onnx.load(path)
    for node in smaller.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del smaller.metadata_props[:]
    del smaller.graph.metadata_props[:]
    del smaller.graph.value_info[:]
    smaller.ir_version = IR_VERSION
    smaller.producer_name, smaller.producer_version = "skysort", ""
    # Only the standard operators are used, so only their version is named.
    kept = [entry for entry in smaller.opset_import if entry.domain in ("", "ai.onnx")]
    del smaller.opset_import[:]
    smaller.opset_import.extend(kept)
    onnx.checker.check_model(smaller, full_check=True)
    return smaller.SerializeToString()


def facts(content: bytes) -> dict[str, int]:
    """What the card says of the file."""
    model = onnx.load_from_string(content)
    parameters = 0
    for tensor in model.graph.initializer:
        size = 1
        for dimension in tensor.dims:
            size *= dimension
        parameters += size
    return {
        "bytes": len(content),
        "opset": next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
        "ir_version": model.ir_version,
        "nodes": len(model.graph.node),
        "parameters": parameters,
    }
