"""The ONNX model: what it computes, and what it refuses to load."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort.errors import ArtefactError
from skysort.pictures.model import PictureModel
from tests.conftest import ROOT
from tests.factories_images import COLOURS, GALAXY_INPUT, picture_artefact, plain, render

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


FUNCTIONS = ROOT / "functions"


def red_green_blue(model: PictureModel) -> NDArray[np.uint8]:
    side = model.spec.height
    return np.stack([plain(colour, side, side) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))])


def test_colours_are_told_apart(image_model: PictureModel) -> None:
    found = image_model.predict(red_green_blue(image_model))
    assert found.probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert np.allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    assert found.activation is None


def test_a_graph_of_one_picture_at_a_time_takes_many_too(galaxy_folder: Path) -> None:
    model = PictureModel.load(galaxy_folder)
    found = model.predict(red_green_blue(model), activation=True)
    assert found.probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert found.activation is not None
    assert found.activation.shape == (3, 4, 7, 7)


@pytest.mark.parametrize("name", ["galaxy", "image"])
def test_the_shipped_models_classify_and_explain(name: str) -> None:
    # Given an artefact that ships
    model = PictureModel.load(FUNCTIONS / name / "model")
    # When a picture is classified with and without its activation, and embedded
    picture = render(model.spec.width, model.spec.height)[np.newaxis]
    alone, explained = model.predict(picture), model.predict(picture, activation=True)
    # Then both agree, and there is a map for any label
    assert np.allclose(alone.probabilities, explained.probabilities, atol=1e-6)
    last = len(model.labels) - 1
    seen = model.activation(picture[0], last)
    assert seen.ndim == 2
    assert not np.array_equal(seen, model.activation(picture[0], 0))
    if explained.activation is not None:
        assert np.allclose(explained.activation[0, last], seen, atol=1e-5)
    assert model.embed(picture).shape[0] == 1


@pytest.mark.parametrize(("any_size", "side"), [(False, 224), (True, 192), (True, 224)])
def test_the_image_model_runs_pictures_of_other_sizes_if_it_is_to(any_size: bool, side: int) -> None:
    # Given
    model = PictureModel.load(FUNCTIONS / "image" / "model", any_size=any_size)
    # When
    (maps,) = model.run(render(side, side)[np.newaxis], ["features"])
    # Then there is a position for each 32 pixels
    assert model.any_size == any_size
    assert maps.shape == (1, 960, side // 32, side // 32)


def test_dogs_are_a_hundred_and_eighteen_breeds() -> None:
    model = PictureModel.load(FUNCTIONS / "image" / "model")
    assert len(model.subsets["dogs"]) == 118
    assert {"dingo", "boxer", "Samoyed"} <= set(model.labels)


def test_a_batch_gives_what_each_picture_gives_alone(image_model: PictureModel) -> None:
    pictures = np.stack([render(56, 56, seed) for seed in range(19)])
    together = image_model.predict(pictures).probabilities
    alone = np.concatenate([image_model.predict(picture[np.newaxis]).probabilities for picture in pictures])
    assert np.allclose(together, alone, atol=1e-6)


def test_an_embedding_is_there_for_who_asks(image_model: PictureModel) -> None:
    assert np.allclose(image_model.embed(red_green_blue(image_model)), np.eye(3) * 250 / 255, atol=1e-5)


def test_every_wordnet_id_is_a_name_of_its_label(image_model: PictureModel) -> None:
    assert image_model.subsets["n00000002"] == ["blue"]
    assert image_model.subsets["primary"] == list(COLOURS[:3])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, "not the one its card describes"),
        ({"file": "other.onnx"}, "cannot be read"),
        ({"file": ...}, "in full"),
        ({"conformal": {"coverage": 0.9, "thresholds": {"red": 0.1}}}, "in full"),
        ({"input": {"height": 56}}, "not described in full"),
        (
            {"input": {**vars(GALAXY_INPUT), "height": 0}},
            "pixels",
        ),
        ({"input": {**vars(GALAXY_INPUT)}}, "must take uint8 pictures"),
        ({"input": {**vars(GALAXY_INPUT), "central_fraction": 1.5}}, "central_fraction"),
        ({"input": {**vars(GALAXY_INPUT), "background": "pink"}}, "pink"),
        ({"wordnet_ids": ["n1"]}, "1 WordNet ids for 4 labels"),
        ({"subsets": {"warm": ["red", "orange"]}}, "orange"),
        ({"subsets": {"none": []}}, "'none'"),
        (
            {"labels": ["red", "green"], "conformal": {"threshold": 0.1}, "subsets": {}, "wordnet_ids": []},
            "2 labels",
        ),
    ],
)
def test_an_artefact_that_does_not_fit_its_card_is_refused(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    # Given an artefact whose card was changed
    folder = picture_artefact(tmp_path / "model")
    document = {**json.loads((folder / "card.json").read_text()), **change}
    (folder / "card.json").write_text(json.dumps({key: value for key, value in document.items() if value is not ...}))
    # Then it does not start
    with pytest.raises(ArtefactError, match=says):
        PictureModel.load(folder)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    folder = picture_artefact(tmp_path / "model")
    document = json.loads((folder / "card.json").read_text())
    (folder / "image.onnx").write_bytes(b"no graph")
    document["sha256"] = hashlib.sha256(b"no graph").hexdigest()
    (folder / "card.json").write_text(json.dumps(document))
    with pytest.raises(ArtefactError, match="cannot be loaded"):
        PictureModel.load(folder)


def test_one_threshold_may_serve_all_labels(tmp_path: Path) -> None:
    folder = picture_artefact(tmp_path / "model")
    document = json.loads((folder / "card.json").read_text())
    document["conformal"] = {"coverage": 0.9, "threshold": 0.0}
    (folder / "card.json").write_text(json.dumps(document))
    model = PictureModel.load(folder)
    assert model.predict(red_green_blue(model)).prediction_sets.all()
