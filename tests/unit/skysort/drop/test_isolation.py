"""A file that ends whatever works on it gets its error record at its third delivery, and takes nobody along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from skysort.drop.batch import process_batch
from skysort.drop.worker import DropWorker
from skysort.limits import DROP_ALONE_MEMORY_SHARE, DROP_ALONE_RECEIVES
from tests.conftest import ROOT
from tests.factories import FakeContext
from tests.fakes import poisoned
from tests.fakes.events import FakeMessages, message, sqs_event
from tests.fakes.shared_store import SharedStore

if TYPE_CHECKING:
    from skysort.drop.event import Upload

pytestmark = pytest.mark.usefixtures("own_metrics")
MEMORY_MB = 512
HANDLER = str(ROOT / "tests" / "fakes" / "poisoned_drop.py")


class Untouched(poisoned.Obedient):
    """The function's own process: it notes which files it was given, and would be ended by poison."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def classify(self, source: Any, draft: Any) -> Any:
        self.given.append(source.name)
        return super().classify(source, draft)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedStore:
    monkeypatch.setenv(poisoned.STORE, str(tmp_path / "store"))
    return SharedStore(tmp_path / "store")


@pytest.fixture
def own() -> Untouched:
    return Untouched()


@pytest.fixture
def worker(store: SharedStore, own: Untouched) -> DropWorker:
    return DropWorker(store, "results", own)


def drop(store: SharedStore, *names: str) -> list[Upload]:
    """Files that do what they are called."""
    return [store.upload(f"incoming/star/b/{name}", name.replace("_", " ").encode()) for name in names]


def returned(
    worker: DropWorker, uploads: list[Upload], receives: int = DROP_ALONE_RECEIVES, seconds: float = 60
) -> list[str]:
    """Deliver messages; the names of the files that are to come again."""
    event = sqs_event([message(upload) for upload in uploads], [receives] * len(uploads))
    context: Any = FakeContext(int(seconds * 1000))
    context.memory_limit_in_mb = MEMORY_MB
    answer: Any = process_batch(event, context, worker, FakeMessages(), handler=HANDLER)
    failed = [int(failure["itemIdentifier"].rpartition("-")[2]) for failure in answer["batchItemFailures"]]
    return [uploads[number].key.rpartition("/")[2] for number in failed]


def problem(store: SharedStore, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.listing()[f"star/b/{name}.error.json"])
    return found


@pytest.mark.parametrize(
    ("poison", "kind", "says"),
    [
        ("allocates", "limit-exceeded", "more memory than is available"),
        ("killed", "limit-exceeded", f"{int(MEMORY_MB * DROP_ALONE_MEMORY_SHARE):,} MiB"),
        ("aborts", "malformed-input", "SIGABRT"),
        ("breaks", "malformed-input", "SIGSEGV"),
        ("exits", "malformed-input", "exit status 3"),
        ("mistake", "malformed-input", "a mistake in the code, as in two attempts before"),
    ],
)
def test_a_file_that_kills_has_its_error_record_at_its_third_delivery_and_the_others_their_results(
    store: SharedStore, worker: DropWorker, own: Untouched, poison: str, kind: str, says: str
) -> None:
    # Given a batch with a file that has ended its function twice, and all that were worked on beside it
    uploads = drop(store, "first", poison, "last")
    # When it is delivered for the third time
    assert returned(worker, uploads) == []
    # Then the file has its record, the others have their results, and the function's own process touched none of them
    found = problem(store, poison)
    assert found["type"] == f"urn:skysort:problem:{kind}"
    assert says in found["detail"]
    assert "split it, or convert it" in found["detail"]
    assert found["source"]["version_id"] == uploads[1].version_id
    assert set(store.listing()) == {
        "star/b/first", "star/b/first.json", f"star/b/{poison}.error.json", "star/b/last", "star/b/last.json",
    }  # fmt: skip
    assert own.given == []


@pytest.mark.parametrize("poison", ["hangs", "waits"])
def test_a_file_that_never_ends_is_ended_with_the_time_that_there_is(
    store: SharedStore, worker: DropWorker, poison: str
) -> None:
    assert returned(worker, drop(store, poison), seconds=3) == []
    assert problem(store, poison)["type"].endswith("limit-exceeded")
    assert "not done after 3 s" in problem(store, poison)["detail"]


def test_a_file_whose_turn_came_late_is_tried_again_before_it_is_refused(
    store: SharedStore, worker: DropWorker
) -> None:
    # Given two files that never end, of which the first takes all the time that there is
    uploads = drop(store, "waits", "hangs")
    assert returned(worker, uploads, seconds=3) == ["hangs"]
    assert set(store.listing()) == {"star/b/waits.error.json"}
    # When the second comes again, then it is refused as well
    assert returned(worker, uploads[1:], DROP_ALONE_RECEIVES + 1, seconds=3) == []
    assert "star/b/hangs.error.json" in store.listing()


def test_a_fault_of_the_infrastructure_still_means_another_delivery(store: SharedStore, worker: DropWorker) -> None:
    assert returned(worker, drop(store, "away", "fine")) == ["away"]
    assert set(store.listing()) == {"star/b/fine", "star/b/fine.json"}


def test_a_function_that_cannot_start_is_not_the_files_fault(
    store: SharedStore, worker: DropWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POISONED_START", "1")
    assert returned(worker, drop(store, "fine")) == ["fine"]
    assert store.listing() == {}


def test_a_file_that_is_refused_in_the_ordinary_way_says_what_is_wrong(store: SharedStore, worker: DropWorker) -> None:
    assert returned(worker, drop(store, "refused")) == []
    assert problem(store, "refused")["detail"] == "no table"


def test_what_a_library_prints_is_no_answer(store: SharedStore, worker: DropWorker) -> None:
    assert returned(worker, drop(store, "prints")) == []
    assert json.loads(store.listing()["star/b/prints.json"])["rows"] == 1


def test_what_a_library_writes_into_the_way_of_the_answers_is_none(store: SharedStore, worker: DropWorker) -> None:
    assert returned(worker, drop(store, "scribbles")) == []
    assert json.loads(store.listing()["star/b/scribbles.json"])["rows"] == 1


def is_there(group: int) -> bool:
    """Whether the kernel has a process of a group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_a_file_started_ends_with_it(store: SharedStore, worker: DropWorker, tmp_path: Path) -> None:
    # When a file makes its process start another one, and ends it
    assert returned(worker, drop(store, "starts")) == []
    # Then neither is there any more
    group = int((tmp_path / ("store" + poisoned.PID)).read_text())
    while is_there(group):
        time.sleep(0.02)
    assert problem(store, "starts")["detail"].startswith("the file crashed its process")


@pytest.mark.parametrize("receives", range(1, DROP_ALONE_RECEIVES))
def test_before_its_third_delivery_a_file_is_worked_on_in_the_function_itself(
    store: SharedStore, worker: DropWorker, own: Untouched, receives: int
) -> None:
    assert returned(worker, drop(store, "fine"), receives) == []
    assert own.given == ["fine"]


def test_a_mistake_in_the_code_is_tried_again_before_it_is_held_against_the_file(
    store: SharedStore, worker: DropWorker
) -> None:
    uploads = drop(store, "mistake")
    for receives in range(1, DROP_ALONE_RECEIVES):
        assert returned(worker, uploads, receives) == ["mistake"]
        assert store.listing() == {}


def test_what_has_its_outcome_already_starts_no_process(
    store: SharedStore, worker: DropWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = drop(store, "fine")
    worker.process(uploads[0])
    before = store.listing()
    monkeypatch.setattr(subprocess, "Popen", lambda *_arguments, **_options: pytest.fail("a process was started"))
    assert returned(worker, uploads) == []
    assert store.listing() == before


def test_an_archive_that_kills_leaves_no_record_of_a_member_but_those_of_other_files(
    store: SharedStore, worker: DropWorker
) -> None:
    # Given a file of its own that lies where an archive's members would
    other = store.upload("incoming/star/b/archive_aborts/fine", b"fine")
    assert returned(worker, [other], 1) == []
    # When an archive kills after one of its members was classified
    assert returned(worker, drop(store, "archive_aborts")) == []
    # Then nothing is left of it but its record
    assert set(store.listing()) == {
        "star/b/archive_aborts.error.json", "star/b/archive_aborts/fine", "star/b/archive_aborts/fine.json",
    }  # fmt: skip


def test_nothing_of_a_killed_process_stays_in_the_temporary_folder(
    store: SharedStore, worker: DropWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    returned(worker, drop(store, "aborts"))
    assert list(scratch.iterdir()) == []


PARENT = """
import sys
from skysort.drop.isolation import IsolatedWorker
from skysort.drop.deadline import ENDLESS
from tests.fakes.poisoned_drop import worker
from tests.unit.skysort.drop.test_isolation import HANDLER, drop
(upload,) = drop(worker.store, sys.argv[1])
IsolatedWorker(worker, HANDLER, 2**30).process(upload, ENDLESS)
"""


@pytest.mark.parametrize("poison", ["waits", "hangs"])
def test_the_process_of_a_file_ends_with_the_function(store: SharedStore, tmp_path: Path, poison: str) -> None:
    # Given a function that waits for a file which never ends
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, poison],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}"},
        cwd=ROOT,
    )
    written = tmp_path / ("store" + poisoned.PID)
    while not (written.exists() and written.read_text()):
        assert parent.poll() is None
        time.sleep(0.02)
    child = int(written.read_text())
    # When it is killed
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    # Then so is the child
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2][:3]:
        time.sleep(0.02)
    assert store.listing() == {}
