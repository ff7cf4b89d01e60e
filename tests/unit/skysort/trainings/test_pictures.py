"""Trainings on pictures, step by step, with networks that only look at a picture's colour."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from skysort.custom.head import Head
from skysort.custom.networks import BLOCKS, IMAGE, NETWORKS, SMALL_INPUTS, CustomPicture, Recipe
from skysort.errors import InfrastructureError, MalformedInputError
from skysort.learning.evaluation import Predictions
from skysort.limits import TRAINING_SMALL_SIDE
from skysort.pictures.decode import Picture
from skysort.registry.keys import HELD_OUT, TrainingKeys
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import HeldOut
from skysort.registry.versions import VersionFiles
from skysort.trainings import pictures
from skysort.trainings.features import RECIPE, SMALL_RECIPE, Features, TrainingSet, block_sets, compute
from skysort.trainings.pictures import HEAD, THUMBNAILS, PictureSteps
from skysort.trainings.request import Training
from skysort.trainings.sources import Picture as Source
from skysort.trainings.status import StatusFile
from skysort.trainings.steps import Steps, TrainingRefused
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.custom.networks import Networks

PREFIX = "incoming/training/colours/"
KEYS = TrainingKeys("shared", "pictures-20261128-084500-1a2b3c")
COLOURS = {"blue": (40, 60, 200), "green": (50, 190, 70), "red": (200, 50, 40)}


def picture(colour: str, number: int, side: int = 80) -> bytes:
    """A PNG whose pixels are near a colour: no two are alike."""
    noise = np.random.default_rng([number, *colour.encode()])
    pixels = np.clip(np.array(COLOURS[colour]) + noise.normal(0, 25, (side, side, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def labelled(count: int = 8) -> dict[str, bytes]:
    return {f"{colour}/{number}.png": picture(colour, number) for colour in COLOURS for number in range(count)}


@dataclass
class FakeNetworks:
    """Features are the mean colour, and noise of the picture's own and the input's: none that is named is blind."""

    sha256: dict[str, str] = field(default_factory=lambda: {"galaxy": "a" * 64, "image": "b" * 64})
    blind: Sequence[str] = ()

    def read(self, content: bytes, inputs: Sequence[str] = NETWORKS) -> CustomPicture:
        try:
            pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        except OSError:
            raise MalformedInputError("the content is text") from None
        height, width, _ = pixels.shape
        return CustomPicture(dict.fromkeys(inputs, Picture(pixels, width, height)))

    def features(self, read: CustomPicture, recipe: Recipe) -> NDArray[np.float32]:
        assert set(read.inputs) >= set(recipe.inputs)
        return np.concatenate([self._block(read.inputs[BLOCKS[name].input], name) for name in recipe.blocks])

    def _block(self, seen: Picture, name: str) -> NDArray[np.float32]:
        size, left = BLOCKS[name].size, seen.pixels[:, : seen.width // 2]
        noise = np.random.default_rng([int(left.sum()), *name.encode()]).normal(size=size)
        colour = np.resize(seen.pixels.mean(axis=(0, 1)) / 40, size) * (BLOCKS[name].input not in self.blind)
        return np.asarray(colour + noise, dtype=np.float32)


@dataclass
class Bench:
    """A training in memory, with what was uploaded for it."""

    files: Mapping[str, bytes]
    options: Mapping[str, Any] = field(default_factory=dict)
    archive: bool = False
    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    networks: FakeNetworks = field(default_factory=FakeNetworks)
    loads: int = 0

    def __post_init__(self) -> None:
        source = {"s3_key": f"{PREFIX}all.zip"} if self.archive else {"prefix": PREFIX}
        objects = {PREFIX + name: body for name, body in self.files.items()}
        self.uploads = MemoryModelStore(objects={f"{PREFIX}all.zip": zipped(self.files)} if self.archive else objects)
        request = Training(KEYS.id, "shared", Kind.PICTURES, "colours", "2026-11-28T08:45:00Z", source, self.options)
        self.store.objects[KEYS.request] = request.to_json()

    def load(self) -> Networks:
        self.loads += 1
        return cast("Networks", self.networks)

    def steps(self) -> Steps:
        """A fresh process."""
        return Steps(self.store, [PictureSteps(self.uploads, self.load, threads=2)])

    def run(self, step: str, **more: Any) -> dict[str, Any]:
        return self.steps().run({"key": KEYS.request, "step": step, **more})

    def events(self) -> list[dict[str, Any]]:
        """Every step, as the state machine calls them after the first."""
        shards = self.run("read")["shards"]
        features = [{"step": "features", "shard": shard} for shard in shards]
        return [*features, {"step": "fit"}, {"step": "evaluate"}, {"step": "publish"}]

    def train(self) -> dict[str, Any]:
        for event in self.events():
            self.run(**event)
        return self.status

    @property
    def status(self) -> dict[str, Any]:
        return StatusFile(self.store, KEYS).read()

    @property
    def card(self) -> dict[str, Any]:
        live = Pointers(self.store).read("shared", "colours").live
        assert live is not None
        return VersionFiles(self.store).card("shared", "colours", live)

    def file(self, name: str) -> bytes:
        live = Pointers(self.store).read("shared", "colours").live
        assert live is not None
        return VersionFiles(self.store).file("shared", "colours", live, self.card, name)


def zipped(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return packed.getvalue()


@pytest.fixture(scope="module")
def trained() -> Bench:
    bench = Bench(labelled())
    bench.train()
    return bench


def test_a_training_ends_in_a_live_version_whose_head_knows_its_classes(trained: Bench) -> None:
    # When a picture that it has not seen goes through the published head
    head = Head.load(trained.file(HEAD))
    recipe = Recipe(tuple(name for name, _ in head.blocks))
    judged = head.judge(trained.networks.features(trained.networks.read(picture("green", 99)), recipe)[np.newaxis])
    # Then
    assert head.labels == ("blue", "green", "red")
    assert head.labels[int(judged.probabilities[0].argmax())] == "green"
    assert trained.status["phase"] == "done"


def test_the_card_says_what_the_model_is_and_was_made_of(trained: Bench) -> None:
    card = trained.card
    assert (card["name"], card["kind"], card["training"]) == ("colours", "pictures", KEYS.id)
    assert card["training_data"]["classes"] == dict.fromkeys(COLOURS, 8)
    assert card["features"]["networks"][0]["sha256"] in {"a" * 64, "b" * 64}
    assert set(card["files"]) == {HEAD, THUMBNAILS, HELD_OUT}
    assert card["metrics"]["examples"] == 24
    assert "share a threshold" in card["conformal"]["method"]
    assert any("mirrored" in limitation for limitation in card["limitations"])
    assert {"learning_curve", "forecast", "hyperparameters", "limitations", "libraries", "conformal"} <= set(card)
    assert json.dumps(card, allow_nan=False)


def test_every_example_of_the_head_has_its_thumbnail(trained: Bench) -> None:
    head, joined = Head.load(trained.file(HEAD)), trained.file(THUMBNAILS)
    places = trained.card["thumbnails"]
    assert len(places) == len(head.examples)
    assert sum(size for _, size in places) == len(joined)
    for (start, size), (_, label) in zip(places, head.examples, strict=True):
        small = Image.open(io.BytesIO(joined[start : start + size]))
        assert small.size == (64, 64)
        mean = np.asarray(small).mean(axis=(0, 1))
        assert min(COLOURS, key=lambda colour: np.abs(mean - COLOURS[colour]).sum()) == label


def test_what_was_held_out_is_published_for_comparisons(trained: Bench) -> None:
    held_out = HeldOut.read(trained.file(HELD_OUT))
    assert len(held_out.ids) == len(set(held_out.ids)) == 24
    assert list(held_out.labels) == ["blue", "green", "red"]


def test_versions_are_compared_by_what_one_head_said() -> None:
    # Given an example that the head of the first folds took for the other class, and those of two more did not
    probability = np.array([[[0.4, 0.6]], [[0.9, 0.1]], [[0.9, 0.1]]])
    predictions = Predictions(probability, probability, probability > 0, np.array([0]))
    # When
    held_out = pictures.held_out(predictions, ["ring", "none"], ["0" * 16])
    # Then it counts as one that was missed: a version of more examples has folds that were drawn but once
    assert (held_out.predicted, held_out.probability) == ([1], [0.4])


def test_the_status_has_the_results_and_how_long_each_phase_took(trained: Bench) -> None:
    status = trained.status
    assert status["metrics"] == trained.card["metrics"]
    assert status["hyperparameters"]["candidate"]
    assert set(status["seconds"]) == {"reading", "features", "fitting", "evaluating", "publishing"}


def test_progress_counts_pictures_of_the_shards_that_are_done() -> None:
    # Given a training of three shards of eight
    bench = Bench(labelled())
    bench.run("read")
    # When the same shard is computed twice, and another one
    for shard in (1, 1, 0):
        bench.run("features", shard=shard)
    # Then
    assert bench.status["progress"] == {"done": 16, "total": 24, "unit": "pictures"}


def test_only_features_need_the_networks() -> None:
    bench = Bench(labelled())
    events = bench.events()
    assert bench.loads == 0
    for event in events:
        bench.run(**event)
    assert bench.loads == sum(event["step"] == "features" for event in events)


def test_an_archive_trains_the_same_head_as_its_folders(trained: Bench) -> None:
    bench = Bench(labelled(), archive=True)
    bench.train()
    assert bench.file(HEAD) == trained.file(HEAD)


def test_unreadable_copied_and_conflicting_pictures_are_named_and_not_fatal() -> None:
    # Given
    files = labelled() | {
        "red/text.png": b"not a picture",
        "red/copy.png": picture("red", 0),
        "blue/not.png": picture("red", 1),
        "loose.png": picture("red", 50),
    }
    # When
    bench = Bench(files)
    status = bench.train()
    # Then
    assert status["phase"] == "done"
    assert status["refused"]["count"] == 5
    assert {each["file"] for each in status["refused"]["files"]} == {
        "red/text.png",
        "red/copy.png",
        "blue/not.png",
        "red/1.png",
        "loose.png",
    }
    data = bench.card["training_data"]
    assert data["classes"] == {"blue": 8, "green": 8, "red": 7}
    counts = [data[name]["count"] for name in ("unreadable", "duplicates", "conflicting", "outside")]
    assert counts == [1, 1, 2, 1]
    assert data["unreadable"]["files"] == [{"file": "red/text.png", "reason": "the content is text"}]


@pytest.mark.parametrize(
    ("files", "step", "message"),
    [
        ({}, "read", "nothing was uploaded to incoming/training/colours/"),
        ({f"red/{n}.png": picture("red", n) for n in range(9)}, "read", "there is one class, 'red', of 9."),
        ({**labelled(), "odd/1.png": picture("red", 77)}, "read", "class 'odd' has 1."),
        (
            {**labelled(), **{f"odd/{n}.png": f"text {n}".encode() for n in range(6)}},
            "fit",
            "class 'odd' has 0 (left out: 6 unreadable; odd/0.png: the content is text).",
        ),
        (
            {f"{c}/{n}.png": f"{c} {n}".encode() for c in "ab" for n in range(5)},
            "fit",
            "class 'a' has 0 (left out: 5 unreadable; a/0.png: the content is text); class 'b' has 0",
        ),
        # The same pixels in files that differ
        (
            {f"{c}/{n}.png": picture("red", 0) + f"{c} {n}".encode() for c in "ab" for n in range(5)},
            "fit",
            "All 10 pictures look the same, in every class",
        ),
    ],
)
def test_what_can_become_no_model_ends_in_a_sentence(files: dict[str, bytes], step: str, message: str) -> None:
    bench = Bench(files)

    def until_it_fails() -> str:
        try:
            for event in bench.events():
                bench.run(**event)
        except TrainingRefused as refused:
            return str(refused)
        return ""

    assert message in until_it_fails()
    status = bench.status
    assert status["phase"] == "failed"
    assert message in status["problem"]["detail"]
    assert (step == "fit") == ("features" in status["seconds"])
    assert list(bench.store.list("models/")) == []


def test_an_archive_that_is_none_ends_in_a_sentence() -> None:
    bench = Bench({}, archive=True)
    bench.uploads.objects[f"{PREFIX}all.zip"] = b"MZ and so on"
    with pytest.raises(TrainingRefused, match="neither a zip nor a tar archive"):
        bench.run("read")


def test_an_archive_that_is_gone_ends_in_a_sentence() -> None:
    bench = Bench({}, archive=True)
    bench.uploads.objects.clear()
    with pytest.raises(TrainingRefused):
        bench.run("read")
    assert bench.status["problem"]["status"] == 404


class KilledError(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("archive", [False, True])
def test_a_training_that_is_killed_anywhere_ends_in_the_same_version(archive: bool) -> None:
    # Given the version of a training that nobody disturbs
    undisturbed = Bench(labelled(5), archive=archive)
    version = undisturbed.train()["version"]
    # When each step is killed before every one of its writes, one after the other
    bench = Bench(labelled(5), archive=archive)
    left = 0

    def kill(operation: str, _key: str) -> None:
        nonlocal left
        if operation == "put":
            left -= 1
            if left == 0:
                raise KilledError

    bench.store.before = kill

    def disturbed(event: dict[str, Any]) -> dict[str, Any]:
        nonlocal left
        for count in range(1, 20):
            left = count
            try:
                return bench.run(**event)
            except KilledError:
                assert len(list(bench.store.list("models/shared/colours/"))) <= 4
        raise AssertionError

    disturbed({"step": "read"})
    left = 0
    for event in bench.events():
        disturbed(event)
    # Then
    assert bench.status["version"] == version
    assert len(VersionFiles(bench.store).versions("shared", "colours")) == 1
    assert len(Pointers(bench.store).read("shared", "colours").history) == 1


def test_a_training_that_was_started_twice_makes_one_version() -> None:
    # Given two executions whose steps take turns, while files are added and removed
    bench = Bench(labelled())
    events = bench.events()
    bench.uploads.objects[f"{PREFIX}red/late.png"] = picture("red", 60)
    assert bench.events() == events
    # When
    for event in events:
        bench.run(**event)
        bench.run(**event)
    # Then
    assert len(VersionFiles(bench.store).versions("shared", "colours")) == 1
    assert bench.card["training_data"]["files"] == 24


def test_pictures_that_changed_since_they_were_listed_are_taken_as_they_are() -> None:
    # Given a file that is replaced by a copy of another, and one that is removed
    bench = Bench(labelled())
    events = bench.events()
    bench.uploads.objects[f"{PREFIX}red/2.png"] = picture("red", 3)
    del bench.uploads.objects[f"{PREFIX}red/4.png"]
    # When
    for event in events:
        bench.run(**event)
    # Then
    assert bench.card["training_data"]["classes"]["red"] == 6
    assert {each["file"] for each in bench.status["refused"]["files"]} == {"red/3.png", "red/4.png"}


def test_networks_that_are_replaced_meanwhile_are_noticed() -> None:
    bench = Bench(labelled())
    events = bench.events()
    for event in events[:2]:
        bench.run(**event)
    bench.networks = FakeNetworks({"galaxy": "c" * 64, "image": "b" * 64})
    bench.run(**events[2])
    with pytest.raises(InfrastructureError, match="the networks were replaced"):
        bench.run("fit")


def test_a_seed_is_of_everything_random(trained: Bench) -> None:
    bench = Bench(labelled(), options={"seed": 7})
    bench.train()
    assert bench.card["hyperparameters"]["seed"] == 7
    assert trained.card["hyperparameters"]["seed"] == 0


def test_an_unknown_step_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Bench(labelled()).run("dance")


def test_features_survive_their_file() -> None:
    # Given two pictures, of which one cannot be read
    shard = [Source(f"red/{name}", "red", name, 0, 9) for name in ("good", "bad")]
    contents = {"good": picture("red", 1), "bad": b"text"}
    # When
    found = compute(shard, lambda each: contents[each.key], cast("Networks", FakeNetworks()), threads=2)
    loaded = Features.load(found.save())
    # Then
    assert loaded.rows.tolist() == [0]
    assert np.array_equal(loaded.values, found.values)
    assert (loaded.thumbnails, list(loaded.refused)) == (found.thumbnails, found.refused)
    assert loaded.networks == found.networks
    examples = TrainingSet.of([(shard, loaded)])
    assert (examples.files, examples.counts) == (("red/good",), {"red": 1})
    assert {name: block.shape for name, block in examples.blocks.items()} == {
        name: (1, BLOCKS[name].size) for name in RECIPE.blocks
    }


def shard_of(*sides: int, mirrored: bool = True) -> Features:
    """The features of red pictures of these sides."""
    contents = {str(number): picture("red", number, side) for number, side in enumerate(sides)}
    shard = [Source(f"red/{name}", "red", name, 0, 9) for name in contents]
    networks = cast("Networks", FakeNetworks())
    return compute(shard, lambda each: contents[each.key], networks, threads=2, mirrored=mirrored)


@pytest.mark.parametrize(
    ("sides", "recipe"),
    [((32, TRAINING_SMALL_SIDE), SMALL_RECIPE), ((32, TRAINING_SMALL_SIDE + 1), RECIPE), ((300, 200), RECIPE)],
)
def test_a_smaller_input_is_for_shards_of_small_pictures(sides: tuple[int, ...], recipe: Recipe) -> None:
    assert shard_of(*sides).values.shape == (len(sides), 2, recipe.size)


def test_a_smaller_input_is_tried_if_all_shards_have_it() -> None:
    # Given shards of small pictures, of others, and of nothing that could be read
    shards = {name: shard_of(*sides) for name, sides in (("small", (32, 40)), ("large", (300,)), ("none", ()))}

    def tried(*names: str) -> set[str]:
        used = [([Source(f"red/{n}{row}", "red", n, 0, 9) for row in shards[n].rows], shards[n]) for n in names]
        return {block.partition(".")[0] for block in TrainingSet.of(used).blocks}

    # Then
    assert tried("small", "none") == {*NETWORKS, *SMALL_INPUTS}
    assert tried("small", "large") == tried("none", "large") == set(NETWORKS)


def test_a_set_of_blocks_has_one_input_of_a_network_at_most() -> None:
    sets = block_sets(SMALL_RECIPE.blocks)
    assert {BLOCKS[name].input for names in sets for name in names} == {*NETWORKS, *SMALL_INPUTS}
    assert len(set(sets)) == len(sets)
    for names in sets:
        inputs = {BLOCKS[name].input for name in names}
        assert len({BLOCKS[name].network for name in names}) == len(inputs)


def test_the_input_that_tells_small_pictures_apart_is_chosen_and_on_the_card() -> None:
    # Given small pictures that a network tells apart in the smaller input alone
    (shown, *_) = SMALL_INPUTS
    bench = Bench({name: picture(name.partition("/")[0], int(name[-5]), 32) for name in labelled()})
    bench.networks = FakeNetworks(blind=NETWORKS)
    # When
    bench.train()
    # Then
    features = bench.card["features"]
    assert {block["name"].partition(".")[0] for block in features["blocks"]} >= {shown}
    entry = next(each for each in features["networks"] if each["name"] == IMAGE)
    assert entry["side"] == 160
    assert "image at 160 pixels" in bench.card["architecture"]
    assert Head.load(bench.file(HEAD)).blocks == tuple((each["name"], each["size"]) for each in features["blocks"])


def test_the_features_of_mirror_images_are_kept_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given features, and those of more pictures than have use for mirror images
    both, alone = shard_of(80, 90), shard_of(80, 90, mirrored=False)
    assert both.values.shape[:2] == (2, 2)
    assert alone.values.shape[:2] == (2, 1)
    np.testing.assert_array_equal(both.values[:, :1], alone.values)
    # When
    monkeypatch.setattr(pictures, "TRAINING_MIRRORED", 23)
    bench = Bench(labelled())
    bench.train()
    # Then
    assert not any(tried["mirrored_examples"] for tried in bench.card["hyperparameters"]["tried"])


def test_the_card_says_whether_mirror_images_were_examples(trained: Bench) -> None:
    hyperparameters = trained.card["hyperparameters"]
    assert isinstance(hyperparameters["mirrored_examples"], bool)
    assert {tried["mirrored_examples"] for tried in hyperparameters["tried"]} == {True, False}


def test_progress_is_written_ten_times_at_most() -> None:
    written: list[int] = []
    job = SimpleNamespace(progress=lambda _phase, done, _total, _unit: written.append(done))
    tell = pictures._Progress(cast("Any", job), "files")
    for done in range(1, 501):
        tell(done, 500)
    assert written == list(range(50, 501, 50))
