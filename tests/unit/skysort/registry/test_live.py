"""Live versions: loaded once, followed outside requests, replaced while others still use the one before."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from skysort.errors import ArtefactError, InfrastructureError, NotFoundError, SkysortError
from skysort.registry import keys
from skysort.registry.live import CHECK_S, STALE_S, LiveModels, ModelVersion
from skysort.registry.names import Kind
from skysort.registry.pointer import Change, Pointer
from skysort.registry.versions import VersionFiles
from tests.fakes.clock import FakeClock
from tests.fakes.model_store import MemoryModelStore, etag_of

if TYPE_CHECKING:
    from collections.abc import Callable

OWNER = "shared"


class Bench:
    """A store that counts what is read, models that are their own text, and a clock."""

    def __init__(self, keep: int = 32, *, follow: bool = False, check_s: float = CHECK_S) -> None:
        self.store = MemoryModelStore(before=self._operation)
        self.clock = FakeClock()
        self.reads: list[str] = []
        self.loads: list[str] = []
        self.fail: Callable[[str], None] = lambda _key: None
        self.loading: Callable[[ModelVersion], None] = lambda _version: None
        self.live = LiveModels(
            self.store, Kind.PICTURES, self._load, clock=self.clock, check_s=check_s, keep=keep, follow=follow
        )

    def _operation(self, operation: str, key: str) -> None:
        if operation.startswith("get"):
            self.reads.append(key)
            self.fail(key)

    def _load(self, version: ModelVersion) -> str:
        self.loading(version)
        self.loads.append(version.version)
        return version.file("head.npz").decode()

    def publish(self, name: str, text: str) -> str:
        return VersionFiles(self.store).publish(OWNER, name, {"name": name, "text": text}, {"head.npz": text.encode()})

    def point(self, name: str, version: str | None, kind: Kind = Kind.PICTURES) -> None:
        key = keys.pointer_key(OWNER, name)
        before = self.store.objects.get(key)
        history = (Change(version, "2026-01-01T00:00:00Z", "promoted"),) if version else ()
        body = Pointer(name, kind, version, history).to_json()
        self.store.put(key, body, replaces=None if before is None else etag_of(before))

    def promote(self, name: str, text: str) -> str:
        version = self.publish(name, text)
        self.point(name, version)
        return version


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_model_is_loaded_on_first_use_and_kept(bench: Bench) -> None:
    # Given
    bench.promote("rings", "first")

    # When it is asked for twice within seconds
    assert bench.live.get(OWNER, "rings") == bench.live.get(OWNER, "rings") == "first"

    # Then pointer, card and head were read once
    assert len(bench.loads) == 1
    assert len(bench.reads) == 3


def test_a_promoted_version_is_served_after_the_next_check_and_no_request_pays_for_it(bench: Bench) -> None:
    bench.promote("rings", "first")
    assert bench.live.get(OWNER, "rings") == "first"

    # When another is promoted, and the thread comes by
    bench.promote("rings", "second")
    assert bench.live.get(OWNER, "rings") == "first"
    bench.clock.advance(CHECK_S)
    bench.live.check()
    bench.reads.clear()

    # Then
    assert bench.live.get(OWNER, "rings") == "second"
    assert bench.reads == []


def test_an_unchanged_pointer_costs_one_conditional_read(bench: Bench) -> None:
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.reads.clear()
    bench.live.check()
    assert bench.reads == [keys.pointer_key(OWNER, "rings")]
    assert len(bench.loads) == 1


def test_after_a_freeze_the_request_itself_checks(bench: Bench) -> None:
    # Given a sandbox that was frozen for a minute, in which a version was promoted
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.promote("rings", "second")
    bench.clock.advance(60)

    # Then its first request gets that version
    assert bench.live.get(OWNER, "rings") == "second"


def test_a_rolled_back_version_is_loaded_again(bench: Bench) -> None:
    first = bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.promote("rings", "second")
    bench.live.check()
    bench.point("rings", first)
    bench.live.check()
    assert bench.live.get(OWNER, "rings") == "first"


def test_a_request_keeps_the_model_that_it_was_given(bench: Bench) -> None:
    bench.promote("rings", "first")
    held = bench.live.get(OWNER, "rings")
    bench.promote("rings", "second")
    bench.live.check()
    assert (held, bench.live.get(OWNER, "rings")) == ("first", "second")


def test_a_store_that_fails_leaves_the_model_that_there_is(bench: Bench) -> None:
    # Given
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")

    # When the store fails, during a check and during a request after a freeze
    def fail(_key: str) -> None:
        raise InfrastructureError("S3 did not answer")

    bench.fail = fail
    bench.live.check()
    bench.clock.advance(60)
    assert bench.live.get(OWNER, "rings") == "first"

    # Then the next request does not try again at once
    reads = len(bench.reads)
    assert bench.live.get(OWNER, "rings") == "first"
    assert len(bench.reads) == reads


def test_a_store_that_fails_before_anything_is_loaded_is_said_so_and_tried_again(bench: Bench) -> None:
    bench.promote("rings", "first")

    def fail(_key: str) -> None:
        raise InfrastructureError("S3 did not answer")

    bench.fail = fail
    with pytest.raises(InfrastructureError, match="S3 did not answer"):
        bench.live.get(OWNER, "rings")
    bench.fail = lambda _key: None
    assert bench.live.get(OWNER, "rings") == "first"


@pytest.mark.parametrize("name", ["no-such-model", "Rings", "../shared", "a" * 41, "", "image", "ring s"])
def test_names_without_a_model_are_not_found(bench: Bench, name: str) -> None:
    with pytest.raises(NotFoundError, match="no trained model"):
        bench.live.get(OWNER, name)


def test_an_impossible_name_costs_no_read(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.live.get(OWNER, "../../secrets")
    assert bench.reads == []


def test_an_unknown_name_costs_one_read_in_two_seconds(bench: Bench) -> None:
    # When it is asked for often
    for _ in range(50):
        with pytest.raises(NotFoundError):
            bench.live.get(OWNER, "comets")
    assert len(bench.reads) == 1

    # Then a model of that name is found soon after it is there
    bench.promote("comets", "first")
    bench.clock.advance(CHECK_S + 0.1)
    assert bench.live.get(OWNER, "comets") == "first"


def test_many_unknown_names_take_no_place_of_a_model(bench: Bench) -> None:
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    for number in range(1_500):
        with pytest.raises(NotFoundError):
            bench.live.get(OWNER, f"guess-{number}")
    bench.reads.clear()
    assert bench.live.get(OWNER, "rings") == "first"
    assert bench.reads == []


def test_a_model_of_another_kind_or_without_a_live_version_is_not_found(bench: Bench) -> None:
    bench.point("stars", bench.publish("stars", "x"), Kind.STAR)
    bench.point("empty", None)
    for name in ("stars", "empty"):
        with pytest.raises(NotFoundError):
            bench.live.get(OWNER, name)


def test_models_of_another_owner_are_not_found(bench: Bench) -> None:
    bench.promote("rings", "first")
    with pytest.raises(NotFoundError):
        bench.live.get("client-1", "rings")


def test_a_deleted_model_is_gone_after_the_next_check(bench: Bench) -> None:
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.store.delete(keys.pointer_key(OWNER, "rings"))
    bench.live.check()
    with pytest.raises(NotFoundError):
        bench.live.get(OWNER, "rings")


def test_a_version_deleted_while_it_loads_leads_back_to_the_pointer(bench: Bench) -> None:
    # Given a pointer that moves, and a version that is deleted, while the version is being loaded
    first = bench.promote("rings", "first")

    def loading(version: ModelVersion) -> None:
        if version.version == first:
            bench.promote("rings", "second")
            VersionFiles(bench.store).delete(OWNER, "rings", first)
            bench.store.objects.pop(keys.version_key(OWNER, "rings", first, "head.npz"), None)

    bench.loading = loading

    # Then the request gets the one that the pointer names now
    assert bench.live.get(OWNER, "rings") == "second"


def test_a_pointer_to_a_version_that_is_gone_is_not_found(bench: Bench) -> None:
    version = bench.promote("rings", "first")
    VersionFiles(bench.store).delete(OWNER, "rings", version)
    with pytest.raises(NotFoundError):
        bench.live.get(OWNER, "rings")


def test_a_damaged_version_does_not_replace_a_good_one(bench: Bench) -> None:
    # Given
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    second = bench.publish("rings", "second")
    bench.store.objects[keys.version_key(OWNER, "rings", second, "head.npz")] = b"damaged"

    # When it is promoted
    bench.point("rings", second)
    bench.live.check()

    # Then the first still answers, and the damaged one is not read again with every look
    assert bench.live.get(OWNER, "rings") == "first"
    bench.reads.clear()
    bench.live.check()
    assert bench.reads == [keys.pointer_key(OWNER, "rings")]


def test_a_damaged_version_that_is_the_first_is_an_error_of_the_service(bench: Bench) -> None:
    version = bench.promote("rings", "first")
    bench.store.objects[keys.version_key(OWNER, "rings", version, "head.npz")] = b"damaged"
    for _ in range(2):
        with pytest.raises(ArtefactError, match=r"head\.npz"):
            bench.live.get(OWNER, "rings")
    reads = len(bench.reads)
    with pytest.raises(ArtefactError):
        bench.live.get(OWNER, "rings")
    assert len(bench.reads) == reads


def test_the_least_recently_used_model_makes_room() -> None:
    bench = Bench(keep=2)
    for name in ("one", "two"):
        bench.promote(name, name)
        bench.live.get(OWNER, name)
    bench.live.get(OWNER, "one")
    bench.promote("three", "three")
    bench.live.get(OWNER, "three")
    bench.reads.clear()
    assert bench.live.get(OWNER, "one") == "one"
    assert bench.reads == []
    assert bench.live.get(OWNER, "two") == "two"
    assert len(bench.reads) == 3


def test_models_that_nobody_uses_are_not_followed(bench: Bench) -> None:
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.clock.advance(61)
    bench.reads.clear()
    bench.live.check()
    assert bench.reads == []


def test_threads_that_ask_at_once_load_once(bench: Bench) -> None:
    bench.promote("rings", "first")
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait(10)
        return bench.live.get(OWNER, "rings")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"first"}
    assert len(bench.loads) == 1


def test_a_request_does_not_wait_for_a_version_that_another_thread_loads(bench: Bench) -> None:
    # Given a thread that is loading the second version
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    bench.promote("rings", "second")
    begun, go_on = threading.Event(), threading.Event()

    def loading(_: ModelVersion) -> None:
        begun.set()
        assert go_on.wait(10)

    bench.loading = loading
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(bench.live.check)
        assert begun.wait(10)

        # Then a request, even a late one, is answered by the first
        bench.clock.advance(STALE_S + 1)
        assert bench.live.get(OWNER, "rings") == "first"
        go_on.set()
        checking.result(10)
    assert bench.live.get(OWNER, "rings") == "second"


def test_the_thread_follows_by_itself_and_outlives_faults() -> None:
    # Given a thread that looks all the time, and a store with one fault that nobody foresaw
    bench = Bench(follow=True, check_s=0.001)
    bench.promote("rings", "first")
    assert bench.live.get(OWNER, "rings") == "first"
    faults = [ValueError("unforeseen")]
    replaced = threading.Event()

    def fail(_key: str) -> None:
        if faults:
            raise faults.pop()

    bench.fail = fail
    bench.loading = lambda _version: replaced.set()

    # When a version is promoted
    bench.promote("rings", "second")

    # Then it is loaded without a request
    assert replaced.wait(10)
    bench.live.close()
    assert not faults


def test_parts_of_a_file_are_read_by_range(bench: Bench) -> None:
    parts = []
    bench.loading = lambda version: parts.append(version.part("head.npz", 2, 3))
    bench.promote("rings", "first")
    bench.live.get(OWNER, "rings")
    assert parts == [b"rst"]


def test_a_pointer_that_is_not_json_is_a_fault_of_the_store(bench: Bench) -> None:
    bench.store.objects[keys.pointer_key(OWNER, "rings")] = json.dumps({"name": "rings"}).encode()
    with pytest.raises(SkysortError, match="a pointer is damaged"):
        bench.live.get(OWNER, "rings")
