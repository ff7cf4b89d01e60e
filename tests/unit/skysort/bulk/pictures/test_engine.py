"""Pictures of parts classified: the same answers as requests get, every row once, bad pictures and files by name."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet as pq

from skysort.bulk.engine import END, Skip, Work
from skysort.bulk.output import Output
from skysort.bulk.pictures import engine as engines
from skysort.bulk.pictures.models import ShippedPictures, TrainedPictures
from skysort.bulk.pictures.split import split_pictures
from skysort.bulk.request import Job
from skysort.bulk.store import SourceChangedError
from skysort.custom.classify import CustomClassifier, live_models
from skysort.errors import InputError, NotFoundError
from skysort.options import parse_options
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.model import PictureModel
from tests.factories_custom import LABELS, OWNER, card_of, head_of, networks, picture, publish
from tests.factories_images import COLOURS, encode, picture_artefact, plain, render, tar_file, zip_file
from tests.fakes.model_store import MemoryModelStore
from tests.unit.skysort.bulk.pictures.sources import ReadSources, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.bulk.counts import Tally
    from skysort.bulk.pictures.engine import PictureEngine
    from skysort.custom.head import Head

NIGHT = {f"night/{number:02}.png": encode(render(60, 50, number)) for number in range(20)}


def job(model: str = "image", **more: Any) -> Job:
    return Job("image-20261128-120000-1a2b3c", OWNER, "", model, {"prefix": "night/"}, "2026-11-28T12:00:00Z", **more)


@dataclass
class Done:
    """What an engine made of a part."""

    tally: Tally
    rows: list[dict[str, Any]]
    rejects: list[dict[str, str]]
    data: bytes

    @property
    def counted(self) -> list[tuple[int, int, int]]:
        return [(rows.out, rows.rejected, rows.failed) for rows in self.tally.slices]


@dataclass
class Part:
    """A part of all slices of some objects."""

    objects: Mapping[str, bytes]
    skip: Skip = field(default_factory=Skip)
    check: Callable[[], object] = bool
    sources: ReadSources = field(init=False)

    def __post_init__(self) -> None:
        self.sources = sources_of(self.objects)
        self.slices = [part for obj in self.sources.list("") for part in split_pictures(self.sources, obj)]

    def run(self, engine: PictureEngine[Any], of: Job | None = None) -> Done:
        of = of or job()
        columns = engine.columns(of, self.sources, self.slices[0])
        data, rejected = io.BytesIO(), io.BytesIO()
        output = Output(columns, "parquet", lambda: data, lambda: rejected)
        tally = engine.run(Work(of, self.slices, self.sources, columns, self.skip, self.check), output)
        output.close()
        table = pq.read_table(io.BytesIO(data.getvalue())).to_pylist() if data.getvalue() else []
        return Done(tally, table, list(csv.DictReader(io.StringIO(rejected.getvalue().decode()))), data.getvalue())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PictureModel:
    return PictureModel.load(picture_artefact(tmp_path_factory.mktemp("models") / "image"))


@pytest.fixture
def engine(model: PictureModel) -> PictureEngine[Any]:
    return ShippedPictures(model, 1_769, 1).get(job(), None)


@pytest.mark.parametrize("threads", [1, 3])
def test_answers_are_those_of_requests(model: PictureModel, threads: int) -> None:
    # Given
    contents = list(NIGHT.values())
    answers, *_ = PictureClassifier(model).classify_pictures(contents, parse_options({}, model.labels))
    # When
    done = Part(NIGHT).run(ShippedPictures(model, 1_769, threads).get(job(), None))
    # Then
    assert [
        (row["source"], row["file"], row["label"], row["class_id"], row["probability"], row["prediction_set"])
        for row in done.rows
    ] == [
        (key, key.removeprefix("night/"), *answer["predictions"][0].values(), ";".join(answer["prediction_set"]))
        for key, answer in zip(NIGHT, [_without_ids(answer) for answer in answers], strict=True)
    ]
    assert {(row["slice"], row["row"], row["model"]) for row in done.rows} == {(0, 1, "image 0.1.0")}
    assert done.counted == [(1, 0, 0)] * 20
    assert sum(done.tally.classes.values()) == 20
    assert done.tally.typicality is None


def _without_ids(answer: Any) -> dict[str, Any]:
    best = {name: answer["predictions"][0][name] for name in ("label", "class_id", "probability")}
    return {**answer, "predictions": [best]}


@pytest.mark.parametrize("threads", [1, 2])
def test_repeating_a_part_gives_the_same_bytes(model: PictureModel, threads: int) -> None:
    one, other = (Part(NIGHT).run(ShippedPictures(model, 1_769, each).get(job(), None)) for each in (1, threads))
    assert one.data == other.data


def test_rows_of_archives_are_numbered_in_their_slices(engine: PictureEngine[Any]) -> None:
    # Given an archive between two files
    part = Part({"a.png": NIGHT["night/00.png"], "b.zip": zip_file(NIGHT), "c.png": NIGHT["night/01.png"]})
    # When
    done = part.run(engine)
    # Then
    assert [(row["source"], row["row"], row["file"]) for row in done.rows] == [
        ("a.png", 1, "a.png"),
        *(("b.zip", number, name) for number, name in enumerate(NIGHT, start=1)),
        ("c.png", 1, "c.png"),
    ]
    assert done.counted == [(1, 0, 0), (20, 0, 0), (1, 0, 0)]


def test_what_is_no_picture_is_rejected_with_its_reason(engine: PictureEngine[Any]) -> None:
    # Given a text, an empty file, a damaged picture and an archive with a text among good ones
    good = NIGHT["night/00.png"]
    part = Part(
        {
            "a.txt": b"seeing 0.8",
            "b.png": b"",
            "c.png": good[:200],
            "d.png": good,
            "e.tar": tar_file({"x.png": good, "notes/=1.md": b"# notes"}, "w"),
        }
    )
    # When
    done = part.run(engine)
    # Then
    assert done.counted == [(0, 1, 0), (0, 1, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)]
    assert [(reject["source"], reject["row"], reject["reason"]) for reject in done.rejects] == [
        ("a.txt", "1", "unsupported-format"),
        ("b.png", "1", "empty-input"),
        ("c.png", "1", "malformed-input"),
        ("e.tar", "2", "unsupported-format"),
    ]
    assert all(reject["detail"] for reject in done.rejects)


def test_a_part_without_any_picture_has_counts_and_no_object(engine: PictureEngine[Any]) -> None:
    done = Part({"a.txt": b"x"}).run(engine)
    assert (done.rows, done.counted) == ([], [(0, 1, 0)])


def test_an_archive_that_breaks_off_fails_with_the_rows_that_are_left(engine: PictureEngine[Any]) -> None:
    # Given an archive of which the second half is damaged after it was planned, as far as anybody can tell
    part = Part({"a.tar": tar_file(NIGHT, "w"), "b.png": NIGHT["night/00.png"]})
    content = bytearray(part.sources.objects["a.tar"])
    place = content.index(b"night/10.png")
    content[place : place + 512] = b"\xff" * 512
    part.sources.objects["a.tar"] = bytes(content)
    part.slices[0] = _replanned(part, 0)
    # When
    done = part.run(engine)
    # Then
    assert done.counted == [(10, 0, 10), (1, 0, 0)]
    (failure,) = done.tally.failures
    assert (failure.source, failure.row, failure.rows) == ("a.tar", 11, 10)
    assert "a member's header is missing" in failure.reason


def _replanned(part: Part, place: int) -> Any:
    return replace(part.slices[place], etag=part.sources.stat(part.slices[place].source).etag)


def test_a_compressed_archive_that_cannot_be_read_counts_as_one_row(engine: PictureEngine[Any]) -> None:
    content = tar_file(NIGHT)
    part = Part({"a.tgz": content})
    part.sources.objects["a.tgz"] = content[:-2000] + bytes(2000)
    part.slices[0] = _replanned(part, 0)
    done = part.run(engine)
    ((out, rejected, failed),) = done.counted
    assert failed == 1
    assert out + rejected == len(done.rows) + len(done.rejects)


def test_rows_that_are_left_out_are_neither_fetched_nor_opened(engine: PictureEngine[Any]) -> None:
    # Given rows that end the process that decodes them: the second file, and the third member of the archive
    skip = Skip({1: [(1, 2)], 2: [(3, 4)]}, "it ended its process")
    part = Part({"a.png": NIGHT["night/00.png"], "b.png": b"poison", "c.zip": zip_file(NIGHT)}, skip)
    # When
    done = part.run(engine)
    # Then
    assert done.counted == [(1, 0, 0), (0, 0, 1), (19, 0, 1)]
    assert {(failure.source, failure.row, failure.reason) for failure in done.tally.failures} == {
        ("b.png", 1, "it ended its process"),
        ("c.zip", 3, "it ended its process"),
    }
    assert "b.png" not in {source for source, _, _ in part.sources.reads}


def test_a_slice_that_is_left_out_as_a_whole_is_not_opened(engine: PictureEngine[Any]) -> None:
    part = Part({"a.png": NIGHT["night/00.png"], "b.zip": zip_file(NIGHT)}, Skip({1: [(1, END)]}, "it ends a process"))
    part.sources.reads.clear()
    done = part.run(engine)
    assert done.counted == [(1, 0, 0), (0, 0, 20)]
    assert {source for source, _, _ in part.sources.reads} == {"a.png"}


def test_rows_of_which_none_is_classified_are_counted(engine: PictureEngine[Any]) -> None:
    part = Part({"a.tgz": tar_file(NIGHT)}, Skip({0: [(1, END - 1)]}, "left out"))
    assert part.run(engine).counted == [(0, 0, 20)]


def test_a_source_that_changed_ends_the_part(engine: PictureEngine[Any]) -> None:
    part = Part(NIGHT)
    part.sources.objects["night/05.png"] = NIGHT["night/04.png"]
    with pytest.raises(SourceChangedError, match=r"night/05.png changed"):
        part.run(engine)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_part_stops_when_it_is_told_to(model: PictureModel, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_CALL", 4)

    class StopError(Exception):
        pass

    asked: list[None] = []

    def check() -> None:
        asked.append(None)
        if len(asked) == 3:
            raise StopError

    with pytest.raises(StopError):
        Part(NIGHT, check=check).run(ShippedPictures(model, 1_769, threads).get(job(), None))


def test_rows_are_written_while_others_are_classified(
    engine: PictureEngine[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Part(NIGHT).run(engine)
    monkeypatch.setattr(engines, "_WRITTEN", 3)
    assert Part(NIGHT).run(engine).rows == whole.rows


def test_names_that_are_no_text_are_written(engine: PictureEngine[Any]) -> None:
    done = Part({"night/\udcff.png": NIGHT["night/00.png"]}).run(engine)
    assert [(row["source"], row["file"]) for row in done.rows] == [("night/?.png", "?.png")]


def test_pictures_have_no_columns_to_carry(engine: PictureEngine[Any]) -> None:
    part = Part(NIGHT)
    with pytest.raises(InputError, match="no columns to carry into the results, such as 'z'"):
        engine.columns(job(columns=("z",)), part.sources, part.slices[0])


def test_a_job_keeps_its_version(model: PictureModel) -> None:
    shipped = ShippedPictures(model, 1_769, 1)
    assert list(shipped.get(job(), "0.1.0").labels) == list(COLOURS)
    with pytest.raises(InputError, match=r"image 0.0.9 was replaced by 0.1.0 while the job ran; start a new job"):
        shipped.get(job(), "0.0.9")
    with pytest.raises(NotFoundError):
        shipped.get(job("galaxy"), None)


@pytest.fixture(scope="module")
def store() -> MemoryModelStore:
    store = MemoryModelStore()
    published(store, head_of())
    return store


def published(store: MemoryModelStore, head: Head) -> None:
    publish(store, "colours", card_of(head), {"head.npz": head.save()})


def test_a_trained_model_says_how_typical_pictures_are(store: MemoryModelStore) -> None:
    # Given pictures of its classes, and a plain one
    objects = {f"{label}.jpg": picture(label, 40) for label in LABELS} | {"z.png": encode(plain((9, 200, 9)))}
    classifier = CustomClassifier(live_models(store, networks()), networks())
    request = PictureRequest([PictureItem(name, content) for name, content in objects.items()], {}, single=False)
    answer = classifier.answer(request, {}, OWNER, "colours")
    # When
    engine = TrainedPictures(store, networks(), 1_769, 1).get(job("custom/colours"), None)
    done = Part(objects).run(engine)
    # Then it says what the API says
    results: list[Any] = list(answer["results"])
    assert [(row["label"], row["probability"], row["typicality"], row["in_domain"]) for row in done.rows] == [
        (
            *(result["predictions"][0][name] for name in ("label", "probability")),
            result["typicality"],
            result["in_domain"],
        )
        for result in results
    ]
    counted = done.tally.typicality
    assert counted is not None
    assert (counted.measured, counted.in_domain) == (len(results), sum(result["in_domain"] for result in results))
    assert counted.total == sum(round(result["typicality"] * 1_000_000) for result in results)
    assert {row["model"] for row in done.rows} == {f"custom/colours {answer['model']['version']}"}


@pytest.mark.parametrize("threads", [1, 2])
def test_class_shares_re_weight_a_trained_models_answers(store: MemoryModelStore, threads: int) -> None:
    # Given
    of = job("custom/colours", prior={"red": 1, "blue": 999})
    classifier = CustomClassifier(live_models(store, networks()), networks())
    items = [PictureItem(label, picture(label, 40)) for label in LABELS]
    answer = classifier.answer(PictureRequest(items, {"prior": of.prior}), {}, OWNER, "colours")
    # When
    engine = TrainedPictures(store, networks(), 1_769, threads).get(of, None)
    done = Part({f"{label}.jpg": picture(label, 40) for label in sorted(LABELS)}).run(engine, of)
    # Then they are the API's
    answered: list[Any] = list(answer["results"])
    results = {result["id"]: result["predictions"][0] for result in answered}
    assert {row["file"].removesuffix(".jpg"): row["probability"] for row in done.rows} == {
        label: best["probability"] for label, best in results.items()
    }


def test_class_shares_are_not_for_a_built_in_model_of_pictures(engine: PictureEngine[Any]) -> None:
    with pytest.raises(InputError, match="is for the star model and for models that you trained"):
        Part(NIGHT).run(engine, job(prior={"red": 1}))


def test_a_trained_model_stays_at_the_version_that_the_job_began_with(store: MemoryModelStore) -> None:
    trained = TrainedPictures(store, networks(), 1_769, 1)
    first = trained.get(job("custom/colours"), None)
    published(store, head_of(each=7))
    assert trained.get(job("custom/colours"), first.version).version == first.version
    assert trained.get(job("custom/colours"), None).version != first.version


def test_an_unknown_trained_model_is_not_found(store: MemoryModelStore) -> None:
    with pytest.raises(NotFoundError):
        TrainedPictures(store, networks(), 1_769, 1).get(job("custom/shapes"), None)
