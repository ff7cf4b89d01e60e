"""The galaxy network whose pictures are turned outside of it: the same bits, or the graph as it is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.bulk.pictures import turned
from skysort.bulk.pictures.turned import TurnedModel, without_turns
from skysort.errors import ArtefactError
from skysort.pictures.decode import decode
from skysort.pictures.model import EMBEDDING, PROBABILITIES, PictureModel
from tests.conftest import ROOT
from tests.factories_images import encode, picture_artefact, render

if TYPE_CHECKING:
    from pathlib import Path

GALAXY = ROOT / "functions" / "galaxy" / "model"


@pytest.fixture(scope="module")
def shipped() -> PictureModel:
    return PictureModel.load(GALAXY)


@pytest.fixture(scope="module")
def quick() -> TurnedModel:
    return TurnedModel.load(GALAXY)


def test_probabilities_are_those_of_the_shipped_network_to_the_last_bit(
    shipped: PictureModel, quick: TurnedModel
) -> None:
    assert quick.is_turned
    shown = np.stack([decode(encode(render(256, 256, seed)), shipped.spec) for seed in range(8)])
    assert np.array_equal(quick.predict(shown).probabilities, shipped.predict(shown).probabilities)


def test_other_outputs_are_those_of_the_whole_graph(shipped: PictureModel, quick: TurnedModel) -> None:
    shown = decode(encode(render(256, 256)), shipped.spec)[np.newaxis]
    for one, other in zip(*(model.run(shown, [EMBEDDING, PROBABILITIES]) for model in (shipped, quick)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("batch", [1, "n"])
def test_a_graph_of_another_kind_is_run_as_it_is(batch: int | str, tmp_path: Path) -> None:
    folder = picture_artefact(tmp_path / "image", batch=batch)
    model, plain = TurnedModel.load(folder), PictureModel.load(folder)
    shown = decode(encode(render(90, 90)), model.spec)[np.newaxis]
    assert not model.is_turned
    assert np.array_equal(model.predict(shown).probabilities, plain.predict(shown).probabilities)


def test_a_graph_that_turns_pictures_in_another_way_is_run_as_it_is(
    shipped: PictureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turned, "_HALF", np.float32(127))
    model = TurnedModel.load(GALAXY)
    assert not model.is_turned
    shown = decode(encode(render(256, 256)), shipped.spec)[np.newaxis]
    assert np.array_equal(model.predict(shown).probabilities, shipped.predict(shown).probabilities)


def test_a_graph_without_a_convolution_has_no_turns() -> None:
    with pytest.raises(ArtefactError, match="has no convolution"):
        without_turns(b"\x3a\x02\x0a\x00", 128)


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_damage_raises_what_is_said(seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray((GALAXY / "galaxy.onnx").read_bytes()[:20_000])
    for _ in range(chance.randint(1, 20)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    with pytest.raises((ValueError, IndexError, ArtefactError)):
        without_turns(bytes(content), 128)
