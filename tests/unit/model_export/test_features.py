"""What trained classifiers need of the published files: exact, without cost, and made once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
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


def earlier(model: str) -> bytes:
    """The published file as it was before: of one size, the map with the exporter's name and no output."""
    content = published(model)
    return without_features(of_one_size(content) if model == "image" else content)


def of_one_size(content: bytes) -> bytes:
    """The image file with the exporter's constants for a picture of 224 x 224 pixels."""
    model = onnx.load_from_string(content)
    graph = model.graph
    (asked,) = (node for node in graph.node if "map_size" in node.output)
    graph.node.remove(asked)
    (joined,) = (node for node in graph.node if "map_size" in node.input)
    joined.input[:] = [*joined.input[:2], "seven", "seven"]
    (flatten,) = (node for node in graph.node if node.op_type == "Reshape" and node.input[0] == FEATURES)
    for attribute in flatten.attribute:
        attribute.i = 1
    for tensor in graph.initializer:
        if tensor.name == flatten.input[1]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([-1, 960, 49]), tensor.name))
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([7]), "seven"))
    sizes = {"image": (1, 224), ACTIVATION: (2, 7), FEATURES: (2, 7)}
    for value in (*graph.input, *graph.output):
        start, size = sizes.get(value.name, (4, 0))
        for axis in value.type.tensor_type.shape.dim[start : start + 2]:
            axis.dim_value = size
    return bytes(model.SerializeToString(deterministic=True))


def without_features(content: bytes) -> bytes:
    """A file whose map has the exporter's name, and is no output."""
    model = onnx.load_from_string(content)
    kept = [value for value in model.graph.output if value.name != FEATURES]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["relu_30" if name == FEATURES else name for name in names]
    return bytes(model.SerializeToString(deterministic=True))


@pytest.mark.parametrize("model", features.MODELS)
def test_the_published_file_is_what_the_command_makes_of_an_earlier_one(model: str) -> None:
    before = earlier(model)
    assert FEATURES not in {value.name for value in onnx.load_from_string(before).graph.output}
    assert features.MODELS[model].renewed(before) == published(model)


@pytest.mark.parametrize("model", features.MODELS)
def test_a_file_that_has_all_stays_as_it_is(model: str) -> None:
    assert features.MODELS[model].renewed(published(model)) == published(model)


@pytest.mark.parametrize("model", features.MODELS)
def test_the_other_outputs_are_the_same_to_the_bit(model: str) -> None:
    # Given both files, and a picture
    after = published(model)
    picture = render(SIDES[model], SIDES[model], seed=3)[np.newaxis]
    names = [PROBABILITIES, ACTIVATION, EMBEDDING]

    # When each is asked for everything that both have
    old, new = (onnx_file.session(content).run(names, {"image": picture}) for content in (earlier(model), after))

    # Then no bit differs
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("model", features.MODELS)
def test_the_renewed_file_does_no_more_work(model: str, tmp_path: Path) -> None:
    # Given the graphs that ONNX Runtime makes of both files for this processor
    operators = []
    for number, content in enumerate((earlier(model), published(model))):
        path = tmp_path / f"{number}.onnx"
        onnx_file.session(content, optimised_into=path)
        operators.append(Counter(node.op_type for node in onnx.load(path).graph.node))

    # Then nothing is unfused, and nothing added but the question for the map's size
    assert operators[1] - operators[0] == ({"Shape": 1} if model == "image" else {})
    assert not operators[0] - operators[1]


@pytest.mark.parametrize("side", [96, 160, 192])
def test_the_image_file_takes_pictures_of_any_size(side: int) -> None:
    # Given a picture of another size, and two classes to explain
    picture = render(side, side, seed=4)[np.newaxis]
    asked = np.array([3, 920])

    # When it is classified
    running = onnx_file.session(published("image"))
    maps, embedding, activation = running.run([FEATURES, EMBEDDING, ACTIVATION], {"image": picture, "explain": asked})

    # Then its maps have a position for each 32 pixels
    assert maps.shape == (1, 960, side // 32, side // 32)
    assert activation.shape == (1, 2, side // 32, side // 32)
    assert embedding.shape == (1, 1280)
    assert np.isfinite(activation).all()


def test_a_graph_that_flattens_another_map_keeps_its_size() -> None:
    with pytest.raises(ConfigurationError, match="must flatten features once"):
        onnx_file.with_any_size(published("galaxy"))


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
    before = earlier("image")
    (folder / "image.onnx").write_bytes(before)
    card |= {"version": "1.0.2", "sha256": sha256(before), "bytes": len(before), "nodes": 112}
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
    assert renewed["nodes"] == 113
    assert renewed["outputs"][FEATURES]["shape"] == ["n", 960, 7, 7]
    assert json.loads(results.read_text()) == {
        "version": "1.0.3", "sha256": sha256(after), "bytes": len(after), "nodes": 113,
    }  # fmt: skip


@pytest.mark.parametrize("model", features.MODELS)
def test_the_committed_cards_have_the_output(model: str) -> None:
    results = ROOT / "model_export" / model / "results" / features.MODELS[model].results
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
