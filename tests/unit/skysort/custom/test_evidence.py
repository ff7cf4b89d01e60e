"""Class activation maps of trained heads: exact, upright, and in the picture's frame."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.custom.evidence import Evidence
from skysort.custom.networks import BLOCKS, GALAXY, IMAGE, INPUTS, Views, joined
from tests.factories_custom import head_of, networks
from tests.factories_images import encode, render


@pytest.mark.parametrize("views", Views)
@pytest.mark.parametrize("block", [name for name, block in BLOCKS.items() if not block.embedded])
def test_the_mean_of_a_map_is_the_score_less_that_of_all_classes(block: str, views: Views) -> None:
    # Given a head on one block of features
    head = head_of([block], each=3, views=views)
    shown = BLOCKS[block].input
    picture = networks().read(encode(render(120, 90, seed=77)), inputs=[shown])
    maps = networks().maps(picture, [shown], views)

    # When
    found = Evidence(head, networks(), views).of_input(1, shown, maps[shown])

    # Then
    scores = head.scores(joined(maps, [block])[np.newaxis])[0] - head.bias
    assert float(found.mean()) == pytest.approx(float(scores[1] - scores.mean()), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("shown", [name for name, each in INPUTS.items() if each.network == IMAGE])
@pytest.mark.parametrize("views", [Views.ONE, Views.MIRRORED])
def test_the_map_of_an_embedding_leaves_out_the_biases_of_its_projection(views: Views, shown: str) -> None:
    # Given
    head = head_of([f"{shown}.embedding"], each=3, views=views)
    picture = networks().read(encode(render(120, 90, seed=77)), inputs=[shown])
    maps = networks().maps(picture, [shown], views)

    # When
    found = Evidence(head, networks(), views).of_input(0, shown, maps[shown])

    # Then its mean is what the embedding without biases would give
    weight = head.weights[0] - head.weights.mean(axis=0)
    projected = maps[shown].features.mean(axis=(2, 3)) @ networks().projection
    assert projected.shape == maps[shown].embedding.shape
    seen = np.where(maps[shown].embedding > 0, projected, 0.0)
    assert float(found.mean()) == pytest.approx(float((seen @ weight).mean()), rel=2e-3, abs=1e-4)
    bias = maps[shown].embedding - projected
    where = maps[shown].embedding[0] > 0
    other_picture = networks().read(encode(render(80, 90, seed=7)), inputs=[shown])
    again = networks().maps(other_picture, [shown])[shown]
    other = (again.embedding - again.features.mean(axis=(2, 3)) @ networks().projection)[0]
    both = where & (again.embedding[0] > 0)
    assert both.sum() > 50
    np.testing.assert_allclose(bias[0][both], other[both], atol=1e-3)


def test_the_common_map_adds_both_networks(recwarn: pytest.WarningsRecorder) -> None:
    # Given a head on both networks
    head = head_of()
    assert {BLOCKS[name].network for name, _ in head.blocks} == {GALAXY, IMAGE}
    picture = networks().read(encode(render(160, 120, seed=5)))
    maps = networks().maps(picture)

    # When
    found = Evidence(head, networks(), Views.ONE).common(0, maps, picture)

    # Then its mean is the whole score, and the galaxy network counts in the middle alone
    blocks = [name for name, _ in head.blocks]
    scores = head.scores(joined(maps, blocks)[np.newaxis])[0] - head.bias
    assert float(found.mean()) == pytest.approx(float(scores[0] - scores.mean()), rel=2e-3, abs=1e-4)
    alone = Evidence(head, networks(), Views.ONE).common(0, {IMAGE: maps[IMAGE]}, picture)
    differs = np.abs(found - alone) > 1e-6
    assert differs[28, 28]
    assert not differs[:8].any()
    assert not differs[:, -8:].any()
    assert not recwarn.list


def test_the_frame_is_the_widest_window_of_the_networks_in_use() -> None:
    picture = networks().read(encode(render(160, 120)))
    evidence = Evidence(head_of(), networks(), Views.ONE)
    assert evidence.frame(picture, (GALAXY, IMAGE)) == IMAGE
    assert evidence.frame(picture, (GALAXY,)) == GALAXY


@pytest.mark.parametrize("network", [GALAXY, IMAGE])
def test_views_are_turned_back(network: str) -> None:
    # Given a picture with something in one corner of what both networks see
    shades = np.full((256, 256, 3), 30, np.uint8)
    shades[70:110, 70:110] = render(40, 40, seed=3)
    picture = networks().read(encode(shades))
    head = head_of([f"{network}.mean"], each=3)

    # When the map is made of one view, and of all
    maps = {views: networks().maps(picture, [network], views) for views in (Views.ONE, Views.ALL)}
    one, every = (
        Evidence(head, networks(), views).of_input(0, network, of_view[network]) for views, of_view in maps.items()
    )

    # Then both have it in the same place
    assert np.corrcoef(one.ravel(), every.ravel())[0, 1] > 0.8
