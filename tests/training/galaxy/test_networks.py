from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnxruntime
import pytest
import torch

from model_export.common.networks import convolutions, public_weights
from model_export.galaxy import networks
from model_export.galaxy.choice import ALL_VIEWS
from model_export.galaxy.graph import apply_view, fold_norms, undo_view
from model_export.galaxy.labels import ANSWERS, CLASSES
from model_export.galaxy.networks.crossformer import DEPTHS, Attention, CrossFormer
from model_export.galaxy.networks.mobilenet import MobileNet

if TYPE_CHECKING:
    from pathlib import Path

    from model_export.galaxy.choice import View


@pytest.mark.parametrize("name", networks.CANDIDATES)
def test_every_candidate_answers_classes_and_questions(name: str) -> None:
    side = networks.CANDIDATES[name].side
    classes, tree = networks.build(name)(torch.rand(2, 3, side, side) * 255)
    assert classes.shape == (2, len(CLASSES))
    assert tree.shape == (2, len(ANSWERS))


@pytest.mark.needs_data
def test_the_public_weights_are_taken_exactly(survey_data: Path) -> None:
    # Given the public file, asked for its pooled features
    content = public_weights(survey_data)
    model = onnx.load_from_string(content)
    pooled = next(node for node in model.graph.node if node.op_type == "GlobalAveragePool").output[0]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(pooled))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    pictures = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1
    # When
    trunk = MobileNet().eval()
    trunk.load_imagenet(convolutions(content))
    # Then
    with torch.inference_mode():
        ours = trunk(pictures).mean((2, 3)).numpy()
    public = session.run([pooled], {"input": pictures.numpy()})[0][:, :, 0, 0]
    assert abs(ours - public).max() < 1e-4


def test_calibrated_norms_change_nothing_but_their_statistics() -> None:
    # Given
    torch.manual_seed(1)
    trunk = MobileNet(4).eval()
    pictures = torch.rand(8, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        before = trunk(pictures)
    # When
    trunk.calibrate_norms([pictures])
    # Then
    with torch.inference_mode():
        assert torch.allclose(trunk(pictures), before, atol=1e-4)
    first = next(module for module in trunk.modules() if isinstance(module, torch.nn.BatchNorm2d))
    assert first.running_mean.abs().max() > 0


def test_folded_norms_give_the_same_answer() -> None:
    torch.manual_seed(2)
    network = networks.build("mobilenetv3_stride16")
    network.trunk.calibrate_norms([torch.rand(8, 3, 128, 128) * 2 - 1])
    pictures = torch.rand(2, 3, 128, 128) * 255
    with torch.inference_mode():
        assert torch.allclose(fold_norms(network)(pictures)[0], network.eval()(pictures)[0], atol=1e-4)
    assert not [module for module in fold_norms(network).modules() if isinstance(module, torch.nn.BatchNorm2d)]


def test_crossformer_has_cosmoformers_size() -> None:
    # Given CosmoFormer's own count, with its 8 classes and without our question tree
    ours = sum(parameter.numel() for parameter in CrossFormer().parameters()) + 256 * 8 + 8
    # Then the difference is a matter of biases and norms
    assert ours == pytest.approx(5_497_980, rel=0.002)
    assert sum(len(stage) for stage in CrossFormer().stages) == 2 * sum(DEPTHS)


@pytest.mark.parametrize("distant", [False, True])
def test_attention_looks_at_its_own_window_only(distant: bool) -> None:
    # Given
    torch.manual_seed(3)
    attention = Attention(32, 4, distant=distant).eval()
    before = torch.randn(1, 16, 16, 32)
    after = before.clone()
    after[0, 0, 0, :16] += 1.0  # not all channels: the norm would take that away
    # When one position changes
    with torch.inference_mode():
        changed = (attention(after) - attention(before)).abs().sum(dim=3)[0] > 1e-6
    # Then only those that share its window notice: its neighbours, or every fourth position
    expected = torch.zeros(16, 16, dtype=torch.bool)
    if distant:
        expected[::4, ::4] = True
    else:
        expected[:4, :4] = True
    assert torch.equal(changed, expected)


@pytest.mark.parametrize("view", ALL_VIEWS)
def test_a_view_can_be_taken_back(view: View) -> None:
    pictures = torch.rand(2, 3, 8, 8)
    assert torch.equal(undo_view(apply_view(pictures, view), view), pictures)


def test_views_are_all_different() -> None:
    picture = torch.rand(1, 1, 8, 8)
    assert len({tuple(apply_view(picture, view).flatten().tolist()) for view in ALL_VIEWS}) == 8
