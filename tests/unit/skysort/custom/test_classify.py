"""Requests to trained picture models: what an answer has, and which version gives it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from skysort.cache import AnswerCache
from skysort.custom.classify import CustomClassifier
from skysort.custom.model import HEAD, THUMBNAILS, CustomModel
from skysort.custom.networks import SMALL_INPUTS, Networks
from skysort.errors import ArtefactError, InfrastructureError, InvalidFieldsError, MalformedInputError, NotFoundError
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.registry.live import LiveModels, ModelVersion
from skysort.registry.names import Kind
from skysort.registry.versions import VersionFiles
from tests.factories_custom import LABELS, OWNER, card_of, head_of, networks, picture, publish, thumbnails
from tests.factories_images import encode, render
from tests.fakes.clock import FakeClock
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort.custom.head import Head
    from skysort.custom.networks import CustomPicture
    from skysort.pictures.decode import Budget


@pytest.fixture(scope="module")
def head() -> Head:
    return head_of()


class Service:
    """A classifier over a store, with one trained model in it."""

    def __init__(self, head: Head, **card: Any) -> None:
        self.head = head
        self.store = MemoryModelStore()
        self.clock = FakeClock()
        pictures, places = thumbnails(head)
        self.files = {HEAD: head.save(), THUMBNAILS: pictures}
        self.card = {**card_of(head), "thumbnails": places, **card}
        self.version = publish(self.store, "colours", self.card, self.files)
        self.live = LiveModels(
            self.store,
            Kind.PICTURES,
            lambda version: CustomModel.load(version, networks()),
            clock=self.clock,
            follow=False,
        )
        self.classifier = CustomClassifier(self.live, networks(), AnswerCache(100))

    def ask(self, *contents: bytes, name: str = "colours", **options: Any) -> Any:
        items = [PictureItem(f"picture-{number}", content) for number, content in enumerate(contents)]
        return self.classifier.answer(PictureRequest(items, options), {}, OWNER, name)

    def results(self, *contents: bytes, **options: Any) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self.ask(*contents, **options)["results"])


@pytest.fixture
def service(head: Head) -> Service:
    return Service(head)


def test_an_answer_is_a_picture_models_with_typicality(service: Service) -> None:
    # When
    answer = service.ask(picture("red", 40), picture("blue", 41))

    # Then
    assert answer["model"] == {"name": "colours", "version": service.version[:12]}
    assert [result["predictions"][0]["label"] for result in answer["results"]] == ["red", "blue"]
    for result in answer["results"]:
        assert result.keys() == {"id", "predictions", "prediction_set", "typicality", "in_domain", "cached"}
        assert sum(item["probability"] for item in result["predictions"]) == pytest.approx(1, abs=1e-5)
        assert 0 < result["typicality"] <= 1
    assert answer["timing_ms"].keys() == {"decode", "predict", "total"}


def test_a_head_on_a_smaller_input_answers_and_shows_what_it_saw() -> None:
    # Given a model whose head uses the image network at another side, and not the galaxy network
    (shown, *_) = SMALL_INPUTS
    service = Service(head_of([f"{shown}.embedding", f"{shown}.deviation"]))
    # When small pictures are asked about
    small = [encode(render(32, 32, seed), "PNG") for seed in (50, 51)]
    one, other = service.results(*small, explain=True)
    # Then
    assert one["predictions"][0]["probability"] != other["predictions"][0]["probability"]
    view = one["explanation"]["view"].partition(",")[2]
    assert Image.open(BytesIO(base64.b64decode(view))).size == (160, 160)
    assert one["explanation"]["window"] == {"left": 0, "upper": 0, "right": 1, "lower": 1}
    assert len(one["explanation"]["nearest"]) == 3


def test_only_the_inputs_that_a_head_uses_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    service = Service(head_of(["galaxy.mean"]))
    asked: list[Sequence[str]] = []
    read = Networks.read

    def noted(self: Networks, content: bytes, budget: Budget | None, inputs: Sequence[str]) -> CustomPicture:
        asked.append(inputs)
        return read(self, content, budget, inputs)

    monkeypatch.setattr(Networks, "read", noted)
    # When
    service.ask(picture("red", 40))
    # Then
    assert asked == [("galaxy",)]


def test_a_picture_of_another_kind_is_out_of_domain(service: Service) -> None:
    chance = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    (odd,) = service.results(encode(chance))
    assert odd["in_domain"] is False


def test_a_prediction_set_is_empty_where_no_class_reaches_its_threshold(head: Head) -> None:
    unsure = replace(head, thresholds=np.full(2, 1.5, np.float32))
    (result,) = Service(unsure).results(picture("red", 40))
    assert result["prediction_set"] == []
    assert len(result["predictions"]) == 2
    (chosen,) = Service(unsure).results(picture("red", 40), labels="red")
    assert chosen["prediction_set"] == []


def test_a_prior_re_weights_the_classes_of_the_training(service: Service) -> None:
    # Given a model that learnt from 10 red and 20 blue pictures, or the other way round
    trained = service.card["training_data"]["classes"]
    (plain,) = service.results(picture("red", 40))
    odds = {item["label"]: item["probability"] for item in plain["predictions"]}
    # When the survey at hand has 99 blue ones to each red one
    answer = service.ask(picture("red", 40), prior={"red": 1, "blue": 99})
    # Then
    (result,) = answer["results"]
    weighted = {label: odds[label] * share / trained[label] for label, share in {"red": 1, "blue": 99}.items()}
    expected = {label: weight / sum(weighted.values()) for label, weight in weighted.items()}
    found = {item["label"]: item["probability"] for item in result["predictions"]}
    assert found == pytest.approx(expected, abs=1e-4)
    assert found["red"] < odds["red"]
    assert answer["prior"] == {"red": 0.01, "blue": 0.99}
    assert result["prediction_set"] == plain["prediction_set"]
    assert not result["cached"]


def test_a_card_without_class_shares_takes_no_prior(head: Head) -> None:
    with pytest.raises(InvalidFieldsError, match="lacks the class shares that it was trained with"):
        Service(head, training_data={}).ask(picture("red", 40), prior="red:1,blue:1")


def test_options_are_those_of_the_other_picture_models(service: Service) -> None:
    (result,) = service.results(picture("red", 40), top_k=1)
    assert [item["label"] for item in result["predictions"]] == ["red"]
    with pytest.raises(InvalidFieldsError, match="Did you mean blue"):
        service.ask(picture("red", 40), labels="blu")


def test_bad_pictures_spoil_no_others(service: Service) -> None:
    good, bad = service.results(picture("red", 40), picture("blue", 3)[:300])
    assert good["predictions"][0]["label"] == "red"
    assert bad["error"]["status"] == 400
    with pytest.raises(MalformedInputError):
        service.classifier.answer(
            PictureRequest([PictureItem("0", picture("red")[:300])], single=True), {}, OWNER, "colours"
        )


def test_the_cache_knows_models_and_versions_apart(service: Service) -> None:
    # Given a picture that is in the cache
    content = picture("red", 40)
    first, second = service.results(content), service.results(content)
    assert [result["cached"] for result in first + second] == [False, True]

    # When another version, with the labels the other way round, becomes live
    swapped = replace(service.head, labels=LABELS[::-1])
    version = publish(
        service.store, "colours", {**card_of(swapped), "thumbnails": []}, {**service.files, HEAD: swapped.save()}
    )
    service.clock.advance(60)

    # Then it answers
    answer = service.ask(content)
    assert answer["model"]["version"] == version[:12]
    assert answer["results"][0]["cached"] is False
    assert answer["results"][0]["predictions"][0]["label"] == "blue"


def test_an_unknown_model_is_not_found(service: Service) -> None:
    with pytest.raises(NotFoundError, match="no trained model 'shapes'"):
        service.ask(picture("red"), name="shapes")


def test_an_explanation_shows_where_and_what_looks_alike(service: Service) -> None:
    # When a training picture itself is explained
    (result,) = service.results(picture("red", 2), explain=True)

    # Then the map is of the class, and the picture is its own nearest neighbour
    shown = result["explanation"]
    assert shown["label"] == "red"
    assert shown["method"].startswith("class activation map")
    assert shown["heat_map"].startswith("data:image/png;base64,")
    assert shown["window"] == {"left": 0.0, "upper": 0.0, "right": 1.0, "lower": 1.0}
    nearest = shown["nearest"]
    assert [(item["file"], item["label"]) for item in nearest[:1]] == [("red/2.jpg", "red")]
    assert len(nearest) == 3
    assert nearest[0]["similarity"] == pytest.approx(1, abs=0.01)
    assert [item["similarity"] for item in nearest] == sorted((i["similarity"] for i in nearest), reverse=True)
    for item in nearest:
        thumbnail = base64.b64decode(item["thumbnail"].removeprefix("data:image/jpeg;base64,"))
        assert json.loads(thumbnail) == [item["file"], item["label"]]


def test_thumbnails_are_read_once(service: Service) -> None:
    reads: list[str] = []
    service.ask(picture("red", 2))
    service.store.before = lambda operation, _key: reads.append(operation) if operation == "get_range" else None
    service.results(picture("red", 2), explain=True)
    assert len(reads) == 3
    service.results(picture("red", 2), explain=True, top_k=1)
    assert len(reads) == 3


def no_thumbnails(service: Service) -> None:
    service.card["thumbnails"] = []
    publish(service.store, "colours", service.card, service.files)


def no_file(service: Service) -> None:
    publish(service.store, "colours", {**service.card, "other": 1}, {HEAD: service.files[HEAD]})


def store_away(service: Service) -> None:
    def fail(operation: str, _key: str) -> None:
        if operation == "get_range":
            raise InfrastructureError("S3 did not answer")

    service.store.before = fail


@pytest.mark.parametrize("fault", [no_thumbnails, no_file, store_away])
def test_an_explanation_does_without_thumbnails(service: Service, fault: Callable[[Service], None]) -> None:
    fault(service)
    (result,) = service.results(picture("red", 2), explain=True)
    assert len(result["explanation"]["nearest"]) == 3
    assert all("thumbnail" not in item for item in result["explanation"]["nearest"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"features": {"views": "one", "networks": [{"name": "galaxy", "sha256": "0" * 64}]}}, "train it again"),
        ({"features": {"views": "sideways", "networks": []}}, "lacks its features"),
        ({"features": {"networks": []}}, "lacks its features"),
        ({"features": None}, "lacks its features"),
    ],
)
def test_a_version_that_does_not_fit_is_not_served(head: Head, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ArtefactError, match=says):
        Service(head, **change).ask(picture("red"))


def test_a_head_with_features_that_are_unknown_here_is_not_served(head: Head) -> None:
    (first, size), *rest = head.blocks
    renamed = replace(head, blocks=((f"{first}.of-tomorrow", size), *rest))
    with pytest.raises(ArtefactError, match="unknown here"):
        Service(renamed).ask(picture("red"))


def test_a_damaged_head_is_not_served(service: Service) -> None:
    version = publish(service.store, "colours", {**service.card, "other": 2}, {HEAD: b"no head"})
    with pytest.raises(ArtefactError, match="head"):
        CustomModel.load(
            ModelVersion(service.store, OWNER, "colours", version, {**service.card, "files": _files(service, version)}),
            networks(),
        )


def _files(service: Service, version: str) -> Any:
    return VersionFiles(service.store).card(OWNER, "colours", version)["files"]


def test_the_self_test_runs_both_networks(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = service.classifier.self_test()
    assert ready["model"]["name"] == "custom"
    assert ready["sample"]["label"]
    maps = Networks.maps

    def broken(self: Networks, *given: Any, **more: Any) -> Any:
        found = maps(self, *given, **more)
        found["image"].features[:] = np.nan
        return found

    monkeypatch.setattr(Networks, "maps", broken)
    with pytest.raises(InfrastructureError, match="image network"):
        service.classifier.self_test()
