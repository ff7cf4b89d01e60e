"""Archives that take too long: refused with nothing left behind, or returned for an invocation of their own."""

from __future__ import annotations

import json
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

from skysort.drop.batch import process_batch
from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.ledger import Outcome
from skysort.drop.worker import DropWorker
from skysort.limits import DROP_FILE_S
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.files import PictureFiles, Turns
from tests.factories import FakeContext
from tests.factories_images import encode, plain, tar_file, zip_file
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeMessages, message, sqs_event
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from skysort.pictures.model import PictureModel

ARCHIVE = "incoming/image/b/all.zip"
RED = encode(plain((250, 0, 0)))
MANY = {f"{number:02}.png": RED for number in range(60)}


pytestmark = pytest.mark.usefixtures("own_metrics")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    """One in which a minute passes with every picture."""

    def before(operation: str, key: str) -> None:
        if operation == "put" and key.endswith(".png.json"):
            clock.advance(60)

    return MemoryStore(before)


@pytest.mark.parametrize("pack", [zip_file, tar_file])
def test_an_archive_too_slow_for_a_whole_invocation_is_refused_and_leaves_no_members(
    pack: Any, store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    # Given an archive of an hour's work
    upload = store.upload(ARCHIVE, pack(MANY))
    # When it has more than the time of one file
    outcome, _ = worker.process(upload, Deadline(2 * 3_600, clock))
    # Then its one record says what the limit is, and what to do
    assert outcome is Outcome.REFUSED
    assert set(store.listing()) == {"image/b/all.zip.error.json"}
    problem = json.loads(store.listing()["image/b/all.zip.error.json"])
    assert problem["type"] == "urn:skysort:problem:limit-exceeded"
    assert f"{DROP_FILE_S:,} s" in problem["detail"]
    assert "split" in problem["detail"]
    # and it did not take the time that all of it would have taken
    assert len([key for key in store.writes if key.endswith(".png.json")]) < len(MANY)


def test_an_archive_that_had_less_time_is_tried_again(store: MemoryStore, worker: DropWorker, clock: FakeClock) -> None:
    upload = store.upload(ARCHIVE, zip_file(MANY))
    with pytest.raises(OutOfTimeError):
        worker.process(upload, Deadline(DROP_FILE_S / 2, clock))
    assert "image/b/all.zip.error.json" not in store.listing()
    assert "image/b/all.zip.json" not in store.listing()

    # When it has enough
    store.before = lambda _operation, _key: None
    assert worker.process(upload, Deadline(DROP_FILE_S, clock))[0] is Outcome.CLASSIFIED
    assert len(store.listing()) == len(MANY) + 2


def test_a_refused_archive_takes_those_of_an_older_one_with_it(
    store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    worker.process(store.upload(ARCHIVE, zip_file({"old.jpg": RED, "00.png": RED})), Deadline(3_600, clock))
    worker.process(store.upload(ARCHIVE, zip_file(MANY)), Deadline(3_600, clock))
    assert set(store.listing()) == {"image/b/all.zip.error.json"}


def test_one_slow_archive_costs_its_neighbours_nothing(
    store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    # Given a slow archive between two pictures and before an archive of one picture
    uploads = [
        store.upload("incoming/image/b/1.gif", RED),
        store.upload(ARCHIVE, zip_file(MANY)),
        store.upload("incoming/image/b/2.gif", RED),
    ]
    small = store.upload("incoming/image/b/small.zip", zip_file({"a.gif": RED}))

    def deliver(*some: Any) -> list[str]:
        event = sqs_event([message(upload) for upload in some])
        context: Any = FakeContext(900_000)
        answer: Any = process_batch(event, context, worker, FakeMessages(), handler="-", parallel=2, clock=clock)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    # When they are delivered together, then what came back alone
    assert "message-1" not in deliver(*uploads)
    deliver(*uploads)
    assert deliver(small) == []
    # Then everything has its outcome
    assert set(store.listing()) == {
        "image/b/1.gif.json",
        "image/b/2.gif.json",
        "image/b/all.zip.error.json",
        "image/b/small.zip.csv",
        "image/b/small.zip.json",
        "image/b/small.zip/a.gif.json",
    }


def test_an_archive_does_not_pay_for_its_wait_behind_another(
    store: MemoryStore, image_model: PictureModel, clock: FakeClock
) -> None:
    # Given an archive at work, and a second one whose time has begun
    files = PictureFiles(PictureClassifier(image_model), Turns(2))
    worker = DropWorker(store, "results", files)
    first, second = (store.upload(f"incoming/image/b/{n}.zip", zip_file({f"{n}.png": RED})) for n in "12")
    meet, done = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def before(operation: str, key: str) -> None:
        if operation == "put" and key == "image/b/1.zip/1.png.json":
            meet.wait()
            done.wait()
            clock.advance(DROP_FILE_S - 1)
        if operation == "put" and key == "image/b/2.zip/2.png.json":
            clock.advance(DROP_FILE_S - 1)

    store.before = before
    deadline = Deadline(2 * DROP_FILE_S, clock)
    outcomes: dict[str, Outcome] = {}

    def process(upload: Any) -> None:
        outcomes[upload.key[-5:]] = worker.process(upload, deadline)[0]

    threads = [Thread(target=process, args=(upload,)) for upload in (first, second)]
    threads[0].start()
    meet.wait()
    threads[1].start()
    done.wait()
    for thread in threads:
        thread.join(30)
    # Then both are classified
    assert outcomes == {"1.zip": Outcome.CLASSIFIED, "2.zip": Outcome.CLASSIFIED}
