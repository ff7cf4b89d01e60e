"""Requests in, answers out: the contract of the classify calls."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from skysort.cache import AnswerCache
from skysort.errors import InfrastructureError, InvalidFieldsError, MalformedInputError
from skysort.pictures import classify as module
from skysort.pictures.bodies.remote import DroppedPictures
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.decode import Picture, read
from skysort.pictures.explanation import heat_map
from skysort.pictures.formats import png, prices
from tests.factories_images import encode, plain, results_of
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from skysort.pictures.model import PictureModel

RED, GREEN, BLUE = (encode(plain(colour)) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250)))


def request(*contents: bytes, **options: Any) -> PictureRequest:
    items = [PictureItem(f"picture-{number}", content) for number, content in enumerate(contents)]
    return PictureRequest(items, options)


def best(result: dict[str, Any]) -> str:
    return str(result["predictions"][0]["label"])


def test_an_answer_names_model_classes_sets_and_times(classifier: PictureClassifier) -> None:
    # When a red picture is classified
    answer = classifier.answer(request(RED), {})
    # Then the answer says which model says what, how sure it is, and how long it took
    assert answer["model"] == {"name": "image", "version": "0.1.0"}
    result = cast("dict[str, Any]", answer["results"][0])
    assert result["id"] == "picture-0"
    assert best(result) == "red"
    assert {*result["predictions"][0]} == {"label", "class_id", "probability", "wordnet_id"}
    assert sum(p["probability"] for p in result["predictions"]) == pytest.approx(1, abs=1e-5)
    assert result["prediction_set"] == ["red"]
    assert result["cached"] is False
    assert answer["timing_ms"].keys() == {"decode", "predict", "total"}


def test_one_bad_picture_never_spoils_the_others(classifier: PictureClassifier) -> None:
    results = results_of(classifier, request(RED, b"no picture", GREEN[:60], BLUE))
    assert [best(results[0]), best(results[3])] == ["red", "blue"]
    assert [results[1]["error"]["status"], results[2]["error"]["status"]] == [415, 400]
    assert results[1]["id"] == "picture-1"


def test_a_picture_that_came_alone_fails_alone(classifier: PictureClassifier) -> None:
    with pytest.raises(MalformedInputError):
        classifier.answer(PictureRequest([PictureItem("0", GREEN[:60])], single=True), {})


def test_the_same_bytes_come_from_the_cache(classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    first = results_of(classifier, request(RED))[0]
    monkeypatch.setattr(module, "read", None)
    again = results_of(classifier, request(RED))[0]
    assert again == {**first, "cached": True}


def test_other_options_are_another_question(classifier: PictureClassifier) -> None:
    classifier.answer(request(RED), {})
    assert results_of(classifier, request(RED), {"top_k": 1})[0]["cached"] is False
    assert len(results_of(classifier, request(RED), {"top_k": 1})[0]["predictions"]) == 1


def test_equal_pictures_of_a_request_are_classified_once(
    classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def counted(*given: Any) -> Picture:
        seen.append(given)
        return read(*given)

    monkeypatch.setattr(module, "read", counted)
    results = results_of(classifier, request(RED, BLUE, RED, RED))
    assert [best(result) for result in results] == ["red", "blue", "red", "red"]
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("chosen", "expected"), [("primary", {"red", "green", "blue"}), ("n00000001,grey", {"green", "grey"})]
)
def test_labels_may_be_chosen_by_subset_name_and_wordnet_id(
    chosen: str, expected: set[str], classifier: PictureClassifier
) -> None:
    (result,) = results_of(classifier, request(RED), {"labels": chosen})
    assert {p["label"] for p in result["predictions"]} == expected
    assert sum(p["probability"] for p in result["predictions"]) == pytest.approx(1, abs=1e-5)
    assert result["prediction_set"] == [label for label in ("red",) if label in expected]


def test_an_unknown_label_gets_the_nearest(classifier: PictureClassifier) -> None:
    with pytest.raises(InvalidFieldsError, match="Did you mean green"):
        classifier.answer(request(RED), {"labels": "grene"})


def test_the_query_wins_over_the_body(classifier: PictureClassifier) -> None:
    (result,) = results_of(classifier, request(RED, top_k=3), {"top_k": 2})
    assert len(result["predictions"]) == 2


def test_an_explanation_shows_where_the_class_was_seen(classifier: PictureClassifier) -> None:
    # Given a wide picture, red on the left
    picture = plain((40, 40, 40), 200, 100)
    picture[:, :90] = (250, 0, 0)
    # When it is explained
    (result,) = results_of(classifier, request(encode(picture)), {"explain": True, "labels": "red"})
    shown = result["explanation"]
    # Then the map is warm on the left, and says which part of the picture it covers
    assert shown["label"] == "red"
    png = Image.open(BytesIO(base64.b64decode(shown["heat_map"].partition("base64,")[2])))
    warmth = np.asarray(png.convert("RGBA"))[..., 3].astype(int)
    assert warmth[:, :40].mean() > warmth[:, -40:].mean() + 100
    assert shown["window"]["right"] - shown["window"]["left"] == pytest.approx(0.5 * 56 / 64, abs=0.001)
    assert "explanation" not in results_of(classifier, request(RED))[0]
    # And what the model was given can be shown where a browser cannot show the file
    view = np.asarray(Image.open(BytesIO(base64.b64decode(shown["view"].partition("base64,")[2]))).convert("RGB"))
    assert view.shape == (56, 56, 3)
    assert (view[:, :15, 0] > 200).all()
    assert (view[:, -15:, 0] < 80).all()


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan])
def test_a_map_without_heat_is_transparent(value: float) -> None:
    png = Image.open(BytesIO(heat_map(np.full((7, 7), value, np.float32))))
    assert np.asarray(png.convert("RGBA"))[..., 3].max() == 0


def test_work_of_a_request_is_limited_together(classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given that a request may cost as much as two and a half of its three pictures
    cost = png.prepare(RED).cost.work + 40 * 40 * (prices.CONVERT_PIXEL + prices.SCALE_PIXEL)
    monkeypatch.setattr("skysort.pictures.formats.prices.REQUEST_WORK_S", 2.5 * cost / 1e9)
    # Then the third is refused, and the others are answered
    results = results_of(classifier, request(RED, GREEN, BLUE))
    assert [result.get("error", {}).get("status") for result in results] == [None, None, 413]
    assert "a request's pictures together may take" in results[2]["error"]["detail"]


def test_the_self_test_is_a_real_prediction(classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    assert classifier.self_test()["status"] == "ready"
    monkeypatch.setattr(np, "isfinite", lambda _: np.array([False]))
    with pytest.raises(InfrastructureError, match="sum to"):
        classifier.self_test()


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.upload("incoming/image/b/red.png", RED)
    store.upload("incoming/image/b/empty.png", b"")
    return store


def ask(model: PictureModel, store: MemoryStore | None, *keys: str) -> list[dict[str, Any]]:
    fetch = DroppedPictures("drop", store) if store else None
    items = [PictureItem(key, s3_key=key) for key in keys]
    return results_of(PictureClassifier(model, AnswerCache(9), fetch), PictureRequest(items))


def test_pictures_are_read_from_the_drop_bucket(image_model: PictureModel, store: MemoryStore) -> None:
    keys = ["incoming/image/b/red.png", "incoming/image/b/none.png", "incoming/image/b/empty.png", "results/x"]
    found, absent, empty, elsewhere = ask(image_model, store, *keys)
    assert best(found) == "red"
    assert [result["error"]["status"] for result in (absent, empty, elsewhere)] == [404, 400, 400]
    assert "must begin with incoming/" in elsewhere["error"]["detail"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("incoming/image/b/" + "n" * 2_000, "2,017 bytes"),
        ("incoming/image/b/" + "\u2609" * 400, "1,217 bytes"),
        ("incoming/image/b/\0.png", "control characters"),
        ("incoming/../secret/red.png", ".."),
        ("incoming/image/./red.png", "no dropped file has"),
        ("", "must begin with incoming/"),
    ],
)
def test_a_key_that_no_dropped_file_has_is_refused_unasked(
    key: str, says: str, image_model: PictureModel, store: MemoryStore
) -> None:
    asked: list[str] = []
    store.before = lambda _, key: asked.append(key)
    odd, sound = ask(image_model, store, key, "incoming/image/b/red.png")
    assert (odd["error"]["status"], best(sound)) == (400, "red")
    assert says in odd["error"]["detail"]
    assert set(asked) == {"incoming/image/b/red.png"}


def test_a_fault_of_the_store_is_not_the_callers(image_model: PictureModel, store: MemoryStore) -> None:
    def fail(operation: str, _key: str) -> None:
        if operation == "read":
            raise InfrastructureError("the store is away")

    store.before = fail
    (result,) = ask(image_model, store, "incoming/image/b/red.png")
    assert result["error"]["status"] == 503


def test_a_large_object_is_refused_unread(
    image_model: PictureModel, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skysort.pictures.bodies.remote.IMAGE_BYTES", 10)
    (result,) = ask(image_model, store, "incoming/image/b/red.png")
    assert result["error"]["status"] == 413


def test_what_a_request_fetches_is_bounded_and_fetched_once(
    image_model: PictureModel, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three objects of which two may be held in memory together
    for name in ("one", "two", "three"):
        store.upload(f"incoming/image/b/{name}.png", RED)
    monkeypatch.setattr("skysort.pictures.bodies.remote.IMAGE_FETCHED_BYTES_PER_REQUEST", 2 * len(RED))
    reads: list[str] = []
    store.before = lambda operation, key: reads.append(key) if operation == "read" else None
    # When one of them is asked for twice
    one, two, three = (f"incoming/image/b/{name}.png" for name in ("one", "two", "three"))
    results = ask(image_model, store, one, one, two, three)
    # Then the last is refused unread, and nothing is read twice
    assert [result.get("error", {}).get("status") for result in results] == [None, None, None, 413]
    assert "send this one in a request of its own" in results[3]["error"]["detail"]
    assert sorted(reads) == [one, two]


def test_without_a_bucket_no_key_is_read(image_model: PictureModel) -> None:
    (result,) = ask(image_model, None, "incoming/image/b/red.png")
    assert "send them in the request" in result["error"]["detail"]
