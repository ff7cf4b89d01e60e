"""The sample pictures as people send them, against the started stack: bodies, options, drop folder."""

from __future__ import annotations

import base64
import csv
import io
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from infra.local.running_stack import ROOT, StartedStack
from skysort.limits import IMAGE_PIXELS, IMAGES_PER_REQUEST
from tests.e2e.drop import DropFolder
from tests.factories_images import multipart, zip_file

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.end_to_end
GALAXY, IMAGE = "/v1/classify/galaxy", "/v1/classify/image"
SPIRAL, ROUND, EDGE_ON, LIGHT = (
    (ROOT / "events" / f"{name}.jpg").read_bytes()
    for name in ("galaxy_spiral", "galaxy_elliptical", "galaxy_edge_on", "traffic_light")
)
GALAXIES = {"galaxy_spiral.jpg": SPIRAL, "galaxy_elliptical.jpg": ROUND, "galaxy_edge_on.jpg": EDGE_ON}
JPEG = {"Content-Type": "image/jpeg"}
TRUNCATED = LIGHT[: len(LIGHT) // 2]


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has more pixels than are allowed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = int(IMAGE_PIXELS**0.5) + 10
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def first(response: httpx.Response) -> dict[str, Any]:
    """The only result of an answer."""
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    found: dict[str, Any] = result
    return found


def best(result: dict[str, Any]) -> str:
    label: str = result["predictions"][0]["label"]
    return label


def judged(result: dict[str, Any]) -> dict[str, Any]:
    """What was said of a picture, whatever it is called and wherever the answer came from."""
    return {name: result[name] for name in ("predictions", "prediction_set")}


@pytest.fixture(scope="module")
def galaxies(stack: StartedStack) -> DropFolder:
    return DropFolder(stack, "galaxy")


@pytest.fixture(scope="module")
def images(stack: StartedStack) -> DropFolder:
    return DropFolder(stack, "image")


@pytest.mark.parametrize(
    ("path", "picture", "label"),
    [
        (GALAXY, SPIRAL, "Unbarred Spiral"),
        (GALAXY, ROUND, "Smooth Round"),
        (GALAXY, EDGE_ON, "Edge On Disk"),
        (IMAGE, LIGHT, "traffic light"),
    ],
)
def test_a_bare_picture_is_classified(api: httpx.Client, path: str, picture: bytes, label: str) -> None:
    result = first(api.post(path, content=picture, headers=JPEG))
    assert best(result) == label
    assert label in result["prediction_set"]


def test_in_a_form_only_the_broken_file_is_refused(api: httpx.Client) -> None:
    # Given a form with three good files and a broken one among them
    files = [*GALAXIES.items()]
    files.insert(1, ("broken.jpg", TRUNCATED))
    # When it is posted
    response = api.post(GALAXY, files=[("file", (name, content, "image/jpeg")) for name, content in files])
    # Then each has its answer in its place, the broken one a problem
    results = response.json()["results"]
    assert [result["id"] for result in results] == [name for name, _ in files]
    assert [name for name, result in zip(dict(files), results, strict=True) if "error" in result] == ["broken.jpg"]
    assert 400 <= results[1]["error"]["status"] < 500


def test_base64_and_data_urls_say_the_same_as_the_bytes(api: httpx.Client) -> None:
    text = base64.b64encode(LIGHT).decode()
    document = {"instances": [{"id": "a", "image": text}, {"id": "b", "image": f"data:image/jpeg;base64,{text}"}]}
    results = api.post(IMAGE, json=document).json()["results"]
    bare = first(api.post(IMAGE, content=LIGHT, headers=JPEG))
    assert [result["id"] for result in results] == ["a", "b"]
    assert [judged(result) for result in results] == [judged(bare)] * 2


def test_options_mean_the_same_in_query_form_and_json(api: httpx.Client) -> None:
    form, content_type = multipart(
        [("file", "light.jpg", LIGHT), ("top_k", None, b"2"), ("labels", None, b"traffic light,beacon,buckle")]
    )
    labels = "traffic light,beacon,buckle"
    text = base64.b64encode(LIGHT).decode()
    answers = [
        api.post(IMAGE, params={"top_k": 2, "labels": labels}, content=LIGHT, headers=JPEG),
        api.post(IMAGE, content=form, headers={"Content-Type": content_type}),
        api.post(IMAGE, json={"image": text, "top_k": 2, "labels": labels.split(",")}),
    ]
    found = [judged(first(answer)) for answer in answers]
    assert found == [found[0]] * 3
    assert len(found[0]["predictions"]) == 2


def test_the_dogs_are_chosen_among_alone(api: httpx.Client) -> None:
    # Given the breeds that the card names
    card = api.get("/v1/models/image").json()
    breeds = set(card["subsets"]["dogs"])
    # When a picture that shows none is held against all of them
    result = first(api.post(IMAGE, params={"labels": "dogs", "top_k": 10}, content=LIGHT, headers=JPEG))
    # Then only breeds are named
    assert len(result["predictions"]) == 10
    assert {prediction["wordnet_id"] for prediction in result["predictions"]} <= breeds
    # And a breed that is the only choice has all the probability
    label = best(result)
    alone = first(api.post(IMAGE, params={"labels": label}, content=LIGHT, headers=JPEG))
    assert [prediction["probability"] for prediction in alone["predictions"]] == [1.0]


def test_an_unknown_label_is_answered_with_the_nearest(api: httpx.Client) -> None:
    response = api.post(IMAGE, params={"labels": "trafic light"}, content=LIGHT, headers=JPEG)
    assert response.status_code == 422
    assert "traffic light" in response.json()["detail"]


@pytest.mark.parametrize(("path", "picture"), [(GALAXY, SPIRAL), (IMAGE, LIGHT)])
def test_an_explanation_is_a_heat_map(api: httpx.Client, path: str, picture: bytes) -> None:
    result = first(api.post(path, params={"explain": "true"}, content=picture, headers=JPEG))
    kind, _, text = result["explanation"]["heat_map"].partition(",")
    assert kind == "data:image/png;base64"
    heat = Image.open(io.BytesIO(base64.b64decode(text)))
    assert heat.format == "PNG"
    colours = heat.convert("RGBA").getcolors(maxcolors=1_000_000)
    assert colours is not None
    assert len(colours) > 10
    assert "explanation" not in first(api.post(path, content=picture, headers=JPEG))


def test_a_picture_seen_before_comes_from_a_cache(api: httpx.Client, stack: StartedStack) -> None:
    """Each sandbox keeps its own answers, so within as many requests as there are sandboxes one is known."""
    assert stack.process.poll() is None
    new = LIGHT + b"seen before"
    answers = [first(api.post(IMAGE, content=new, headers=JPEG)) for _ in range(20)]
    assert answers[0]["cached"] is False
    assert answers[-1]["cached"] is True
    assert [judged(answer) for answer in answers] == [judged(answers[0])] * 20


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "image/jpeg", 400),
        (TRUNCATED, "image/jpeg", 400),
        (LIGHT, "image/png", 415),
        (b"%PDF-1.7 not a picture", "image/jpeg", 415),
        (LIGHT, "video/mp4", 415),
        (b"not a form", "multipart/form-data; boundary=b", 400),
        (b'{"instances": []}', "application/json", 400),
        (bomb(), "image/png", 413),
    ],
)
@pytest.mark.parametrize("path", [GALAXY, IMAGE])
def test_what_cannot_be_read_is_a_problem(
    api: httpx.Client, path: str, content: bytes, content_type: str, status: int
) -> None:
    response = api.post(path, content=content, headers={"Content-Type": content_type})
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status), problem
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-amzn-requestid"]


def test_too_many_pictures_are_refused_and_as_many_as_allowed_answered(api: httpx.Client) -> None:
    def post(count: int) -> httpx.Response:
        names = [(f"{number}.jpg", ROUND + bytes([number])) for number in range(count)]
        return api.post(GALAXY, files=[("file", (name, content, "image/jpeg")) for name, content in names])

    assert len(post(IMAGES_PER_REQUEST).json()["results"]) == IMAGES_PER_REQUEST
    assert post(IMAGES_PER_REQUEST + 1).status_code == 413


@pytest.mark.parametrize("model", ["galaxy", "image"])
def test_the_models_say_what_they_are(api: httpx.Client, model: str) -> None:
    card = api.get(f"/v1/models/{model}").json()
    assert api.get(f"/v1/models/{model}/ready").json()["model"] == {"name": model, "version": card["version"]}
    assert len(card["labels"]) == {"galaxy": 8, "image": 1000}[model]
    assert 0 < card["metrics"]["accuracy"]["low"] < card["metrics"]["accuracy"]["high"] < 1


@pytest.mark.parametrize(("model", "picture"), [("galaxy", SPIRAL), ("image", LIGHT)])
def test_a_dropped_picture_gets_the_answer_that_the_api_gives(
    api: httpx.Client, galaxies: DropFolder, images: DropFolder, model: str, picture: bytes
) -> None:
    folder = {"galaxy": galaxies, "image": images}[model]
    folder.put("night 1/picture+é.jpg", picture)
    record = folder.summary("night 1/picture+é.jpg")
    answer = api.post(f"/v1/classify/{model}", content=picture, headers=JPEG).json()
    assert record["model"] == answer["model"]
    assert judged(record) == judged(answer["results"][0])


def test_a_picture_in_the_drop_folder_can_be_named_by_its_key(api: httpx.Client, galaxies: DropFolder) -> None:
    galaxies.put("by key/spiral.jpg", SPIRAL)
    answer = api.post(GALAXY, json={"instances": [{"s3_key": "incoming/galaxy/by key/spiral.jpg"}]})
    assert judged(first(answer)) == judged(first(api.post(GALAXY, content=SPIRAL, headers=JPEG)))


def test_a_dropped_zip_comes_back_as_records_and_a_table(galaxies: DropFolder) -> None:
    # Given a zip of three galaxies, one of them in a folder, and a broken file
    members = {
        "a/spiral.jpg": SPIRAL,
        "round.jpg": ROUND,
        "broken.jpg": TRUNCATED,
        "edge_on.jpg": EDGE_ON,
    }
    # When it is dropped
    galaxies.put("night 2/survey.zip", zip_file(members))
    summary = galaxies.summary("night 2/survey.zip")
    # Then its table has a line a member, in its order
    rows = list(csv.DictReader(io.StringIO(galaxies.wait("galaxy/night 2/survey.zip.csv").decode())))
    assert [row["file"] for row in rows] == list(members)
    assert [row["label"] for row in rows] == ["Unbarred Spiral", "Smooth Round", "", "Edge On Disk"]
    assert rows[2]["error"]
    assert (summary["classified"], summary["refused"]) == (3, 1)
    # And each member with a class has its own record, the other one is named in the summary
    record = json.loads(galaxies.wait("galaxy/night 2/survey.zip/a/spiral.jpg.json"))
    assert best(record) == "Unbarred Spiral"
    assert summary["refusals"] == [{"member": "broken.jpg", "detail": rows[2]["error"]}]


@pytest.mark.parametrize(
    ("name", "content"), [("bad/broken.jpg", TRUNCATED), ("bad/empty.jpg", b""), ("bad/bomb.png", bomb())]
)
def test_a_picture_that_can_never_succeed_gets_an_error_record(images: DropFolder, name: str, content: bytes) -> None:
    images.put(name, content)
    assert images.error(name)["detail"]
    assert images.drained()
    assert images.waiting(images.dead_letters) == 0
