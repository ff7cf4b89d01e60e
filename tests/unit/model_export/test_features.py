"""The last map before pooling as an output of the published files: exact, free, and declared once."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from model_export import features
from model_export.__main__ import main
from model_export.common import onnx_file
from model_export.common.files import ROOT, artefact, sha256
from skysort.errors import ConfigurationError
from skysort.pictures.model import ACTIVATION, EMBEDDING, FEATURES, PROBABILITIES
from tests.factories_images import render

if TYPE_CHECKING:
    from pathlib import Path

SIDES = {"galaxy": 128, "image": 224}


def published(model: str) -> bytes:
    return (artefact(model) / f"{model}.onnx").read_bytes()


def without_features(content: bytes) -> bytes:
    """The file as it was before: the map has the exporter's name, and is no output."""
    model = onnx.load_from_string(content)
    kept = [value for value in model.graph.output if value.name != FEATURES]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["relu_30" if name == FEATURES else name for name in names]
    return bytes(model.SerializeToString(deterministic=True))


@pytest.mark.parametrize("model", features.MODELS)
def test_the_published_file_is_what_the_command_makes_of_one_without_the_output(model: str) -> None:
    before = without_features(published(model))
    assert FEATURES not in {value.name for value in onnx.load_from_string(before).graph.output}
    assert onnx_file.with_features(before) == published(model)


@pytest.mark.parametrize("model", features.MODELS)
def test_a_file_that_has_the_output_stays_as_it_is(model: str) -> None:
    assert onnx_file.with_features(published(model)) == published(model)


@pytest.mark.parametrize("model", features.MODELS)
def test_the_other_outputs_are_the_same_to_the_bit(model: str) -> None:
    # Given both files, and a picture
    after = published(model)
    picture = render(SIDES[model], SIDES[model], seed=3)[np.newaxis]
    names = [PROBABILITIES, ACTIVATION, EMBEDDING]

    # When each is asked for everything that both have
    old, new = (
        onnx_file.session(content).run(names, {"image": picture}) for content in (without_features(after), after)
    )

    # Then no bit differs
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("model", features.MODELS)
def test_the_output_adds_no_work(model: str, tmp_path: Path) -> None:
    # Given the graphs that ONNX Runtime makes of both files for this processor
    after = published(model)
    operators = []
    for number, content in enumerate((without_features(after), after)):
        path = tmp_path / f"{number}.onnx"
        onnx_file.session(content, optimised_into=path)
        operators.append(sorted(node.op_type for node in onnx.load(path).graph.node))

    # Then nothing is unfused, and nothing added
    assert operators[0] == operators[1]


def test_the_pooled_map_of_the_galaxy_file_is_its_embedding() -> None:
    picture = render(128, 128, seed=5)[np.newaxis]
    maps, embedding = onnx_file.session(published("galaxy")).run([FEATURES, EMBEDDING], {"image": picture})
    assert maps.shape == (4, 960, 4, 4)
    np.testing.assert_allclose(maps.mean(axis=(0, 2, 3)), embedding[0], rtol=1e-5, atol=1e-6)


def test_card_and_results_follow_the_file(tmp_path: Path) -> None:
    # Given a published folder from before
    folder = tmp_path / "model"
    shutil.copytree(artefact("image"), folder)
    card = json.loads((folder / "card.json").read_text())
    before = without_features(published("image"))
    (folder / "image.onnx").write_bytes(before)
    card |= {"version": "1.0.2", "sha256": sha256(before), "bytes": len(before)}
    del card["outputs"][FEATURES]
    (folder / "card.json").write_text(json.dumps(card))
    results = tmp_path / "export.json"
    results.write_text(json.dumps({"version": "1.0.2", "sha256": sha256(before), "bytes": len(before), "nodes": 112}))

    # When the output is declared, twice
    changes = [features.declare("image", folder, results) for _ in range(2)]

    # Then the second time there is nothing to do, and all agree on the file
    assert changes == [True, False]
    after = published("image")
    assert (folder / "image.onnx").read_bytes() == after
    renewed = json.loads((folder / "card.json").read_text())
    assert (renewed["version"], renewed["sha256"], renewed["bytes"]) == ("1.0.3", sha256(after), len(after))
    assert renewed["outputs"][FEATURES]["shape"] == ["n", 960, 7, 7]
    assert json.loads(results.read_text()) == {
        "version": "1.0.3", "sha256": sha256(after), "bytes": len(after), "nodes": 112,
    }  # fmt: skip


@pytest.mark.parametrize("model", features.MODELS)
def test_the_committed_cards_have_the_output(model: str) -> None:
    results = ROOT / "model_export" / model / "results" / features.MODELS[model][0]
    card = json.loads((artefact(model) / "card.json").read_text())
    assert FEATURES in card["outputs"]
    assert json.loads(results.read_text())["sha256"] == card["sha256"] == sha256(published(model))


def test_a_graph_that_pools_nothing_is_refused() -> None:
    value = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3])
    out = onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [1, 3])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Softmax", ["image"], ["probabilities"])], "g", [value], [out]
    )
    content = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)]).SerializeToString()
    with pytest.raises(ConfigurationError, match="must pool one map"):
        onnx_file.with_features(content)


def test_an_unknown_model_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "comet"]) == 2
    assert "unknown model 'comet'; choose from galaxy, image" in capsys.readouterr().err
