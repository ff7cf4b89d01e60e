"""Features of the shipped networks: the same as each model's own, and what views and blocks do to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skysort.custom.networks import (
    BLOCKS,
    GALAXY,
    IMAGE,
    INPUTS,
    SMALL_INPUTS,
    CustomPicture,
    Networks,
    Recipe,
    Views,
    joined,
    shown,
)
from skysort.errors import ArtefactError, LimitExceededError
from skysort.pictures.decode import Budget, read
from skysort.pictures.model import PictureModel
from tests.factories_images import encode, render

FUNCTIONS = Path(__file__).resolve().parents[4] / "functions"
FOLDERS = (FUNCTIONS / "galaxy" / "model", FUNCTIONS / "image" / "model")
MEANS = Recipe(("galaxy.mean", "image.mean", "image.embedding"))


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks.load(*FOLDERS)


def test_each_network_sees_what_its_own_model_sees(networks: Networks) -> None:
    content = encode(render(500, 375), "JPEG", quality=90)
    picture = networks.read(content)
    for name, model in networks.models.items():
        np.testing.assert_array_equal(picture.inputs[name].pixels, read(content, model.spec).pixels)


def test_a_vector_is_its_blocks_one_after_another(networks: Networks) -> None:
    # Given
    picture = networks.read(encode(render(200, 160)))
    features = networks.features(picture, MEANS)

    # Then it is the embeddings that the models themselves give, and the pooled map between them
    assert features.shape == (MEANS.size,) == (960 + 960 + 1280,)
    assert features.dtype == np.float32
    galaxy = networks.models[GALAXY].embed(picture.inputs[GALAXY].pixels[np.newaxis])[0]
    image = networks.models[IMAGE].embed(picture.inputs[IMAGE].pixels[np.newaxis])[0]
    np.testing.assert_allclose(features[:960], galaxy, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features[1920:], image, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_has_its_size(networks: Networks, block: str) -> None:
    recipe = Recipe((block,))
    features = networks.features(networks.read(encode(render(64, 64)), inputs=recipe.inputs), recipe)
    assert features.shape == (BLOCKS[block].size,)
    assert np.isfinite(features).all()


def test_a_recipe_runs_the_networks_that_it_needs_alone(networks: Networks) -> None:
    assert Recipe(("image.mean",)).inputs == (IMAGE,)
    assert MEANS.inputs == (GALAXY, IMAGE)
    picture = networks.read(encode(render(64, 64)))
    assert set(networks.maps(picture, [IMAGE])) == {IMAGE}


@pytest.mark.parametrize(
    ("views", "galaxy", "image"), [(Views.ONE, 1, 1), (Views.MIRRORED, 2, 2), (Views.TURNED, 1, 4), (Views.ALL, 2, 8)]
)
def test_the_galaxy_network_turns_for_itself(views: Views, galaxy: int, image: int) -> None:
    assert (len(views.turns(GALAXY)), len(views.turns(IMAGE))) == (galaxy, image)


@pytest.mark.parametrize(
    ("views", "turn", "mirrored"), [(Views.MIRRORED, 0, True), (Views.TURNED, 1, False), (Views.ALL, 3, True)]
)
def test_averaged_features_do_not_change_with_the_view_that_is_sent(
    networks: Networks, views: Views, turn: int, mirrored: bool
) -> None:
    # Given a square picture, and a view of it, both without loss
    pixels = render(128, 128, seed=4)
    recipe = Recipe(("galaxy.mean", "image.mean", "image.deviation"), views)

    # When
    one, other = (
        networks.features(networks.read(encode(np.ascontiguousarray(view))), recipe)
        for view in (pixels, shown(pixels, turn, mirrored=mirrored))
    )

    # Then the features are those of one picture; a single view's are not
    np.testing.assert_allclose(one, other, atol=0.15)
    assert np.corrcoef(one, other)[0, 1] > 0.999


def test_blocks_come_from_maps_that_were_made_once(networks: Networks) -> None:
    picture = networks.read(encode(render(90, 70)))
    maps = networks.maps(picture)
    np.testing.assert_array_equal(joined(maps, MEANS.blocks), networks.features(picture, MEANS))
    assert maps[GALAXY].features.shape == (4, 960, 4, 4)
    assert maps[IMAGE].features.shape == (1, 960, 7, 7)


def test_both_inputs_are_paid_for_together(networks: Networks) -> None:
    # Given a picture whose pixels both models draw
    content = encode(render(900, 700))
    budget = Budget()
    before = budget.left

    # When
    networks.read(content, budget)

    # Then it costs more than for one model, and less than for two; one that is too expensive is refused
    both = before - budget.left
    alone = Budget()
    read(content, networks.models[IMAGE].spec, alone)
    one = before - alone.left
    assert one < both < 2 * one
    with pytest.raises(LimitExceededError, match="decoding this picture may take"):
        networks.read(content, Budget((one + both) / 2 / 1e9))


def test_warnings_of_both_inputs_are_given_once(networks: Networks) -> None:
    deep = (np.linspace(0, 4_000, 128 * 128).reshape(128, 128)).astype(np.uint16)
    picture = networks.read(encode(deep, "PNG"))
    assert len(picture.warnings) == len({remark.code for remark in picture.warnings}) > 0


def test_folders_of_the_wrong_models_are_refused() -> None:
    with pytest.raises(ArtefactError, match="has the model image, not galaxy"):
        Networks.load(FOLDERS[1], FOLDERS[0])


def test_a_network_without_its_last_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    load = PictureModel.load

    def without(folder: Path, threads: int = 1, *, any_size: bool = False) -> PictureModel:
        model = load(folder, threads, any_size=any_size)
        model.outputs = model.outputs - {"features"}
        return model

    monkeypatch.setattr(PictureModel, "load", without)
    with pytest.raises(ArtefactError, match="has no output features"):
        Networks.load(*FOLDERS)


def test_an_image_network_of_one_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    load = PictureModel.load
    monkeypatch.setattr(PictureModel, "load", lambda folder, threads=1, **_: load(folder, threads))
    with pytest.raises(ArtefactError, match="takes pictures of one size alone"):
        Networks.load(*FOLDERS)


@pytest.mark.parametrize("name", SMALL_INPUTS)
def test_a_small_picture_is_enlarged_to_the_side_of_its_input_and_sharpened(networks: Networks, name: str) -> None:
    # Given a small picture with an edge
    pixels = np.full((32, 32, 3), 80, np.uint8)
    pixels[:, 16:] = 160

    # When it is read for the input
    seen = networks.read(encode(pixels), inputs=[name]).inputs[name]

    # Then it has the side, and the edge is steeper than when it is only enlarged
    side = networks.specs[name].height
    assert side < networks.specs[INPUTS[name].network].height
    assert seen.pixels.shape == (side, side, 3)
    plain = read(encode(pixels), networks.specs[name])
    steepest = [np.abs(np.diff(each.pixels[0, :, 0].astype(int))).max() for each in (plain, seen)]
    assert steepest[1] > 1.5 * steepest[0]
    assert networks.maps(CustomPicture({name: seen}), [name])[name].features.shape == (1, 960, side // 32, side // 32)


def test_a_picture_that_is_made_smaller_is_not_sharpened(networks: Networks) -> None:
    (name, *_) = SMALL_INPUTS
    content = encode(render(400, 300))
    seen = networks.read(content, inputs=[name]).inputs[name]
    np.testing.assert_array_equal(seen.pixels, read(content, networks.specs[name]).pixels)


def test_features_of_a_mirror_image_are_those_of_a_mirrored_file(networks: Networks) -> None:
    pixels = render(40, 40, seed=9)
    recipe = Recipe(("galaxy.mean", "image.embedding", "image160.deviation"))
    picture, other = (
        networks.read(encode(np.ascontiguousarray(each)), inputs=recipe.inputs) for each in (pixels, pixels[:, ::-1])
    )
    one, mirrored = networks.features(other, recipe), networks.features(picture.mirrored, recipe)
    assert np.corrcoef(one, mirrored)[0, 1] > 0.9999
    assert np.corrcoef(one, networks.features(picture, recipe))[0, 1] < 0.9999


def test_the_hashes_are_those_of_the_cards(networks: Networks) -> None:
    assert networks.sha256 == {name: model.card.document["sha256"] for name, model in networks.models.items()}
