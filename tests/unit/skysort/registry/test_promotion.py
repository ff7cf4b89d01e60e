"""Which version is live: comparison on common held-out examples, promotion, force, rollback, deletion, and races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import (
    ArtefactError,
    InfrastructureError,
    ModelConflictError,
    NotBetterError,
    NotFoundError,
)
from skysort.limits import POINTER_HISTORY
from skysort.registry import keys
from skysort.registry.names import Kind
from skysort.registry.pointer import ATTEMPTS, Pointer, Pointers
from skysort.registry.promotion import HeldOut, Promotions, compare, paired_difference
from skysort.registry.versions import VersionFiles
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Sequence


def held_out(right: Sequence[bool], *, first: int = 0, labels: Sequence[str] = ("plain", "ring")) -> HeldOut:
    """What a version said of examples 0, 1, ...: right or wrong. first: the number of the first example."""
    truth = [(first + number) % 2 for number in range(len(right))]
    predicted = [label if fine else 1 - label for label, fine in zip(truth, right, strict=True)]
    ids = [f"{first + number:016x}" for number in range(len(right))]
    return HeldOut(labels, ids, truth, predicted, [0.9 if fine else 0.1 for fine in right])


@dataclass
class Registry:
    """A store with the registry's services."""

    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    count: int = 0

    @property
    def promotions(self) -> Promotions:
        return Promotions(self.store)

    def publish(self, right: Sequence[bool], name: str = "rings", **about: Any) -> str:
        self.count += 1
        card = {
            "name": name,
            "kind": "pictures",
            "created": f"2026-01-01T00:00:{self.count:02}Z",
            "training": f"t{self.count}",
        }
        files = {keys.HELD_OUT: held_out(right, **about).body()}
        return VersionFiles(self.store).publish("shared", name, card, files)

    def promote(self, version: str, *, force: bool = False) -> Pointer:
        return self.promotions.promote("shared", "rings", Kind.PICTURES, version, force=force)

    def pointer(self) -> Pointer:
        return Pointers(self.store).read("shared", "rings")


@pytest.fixture
def registry() -> Registry:
    return Registry()


def share(right: int, of: int) -> list[bool]:
    return [number < right for number in range(of)]


def test_the_first_version_goes_live_whatever_it_is_worth(registry: Registry) -> None:
    # When
    pointer = registry.promote(version := registry.publish(share(1, 10)))
    # Then
    assert pointer.live == version
    assert [(change.how, change.training) for change in pointer.history] == [("first", "t1")]
    assert registry.pointer() == pointer


def test_a_version_that_is_not_worse_is_promoted_with_its_comparison(registry: Registry) -> None:
    registry.promote(old := registry.publish(share(90, 100)))
    pointer = registry.promote(new := registry.publish(share(92, 100)))
    assert pointer.live == new
    comparison = pointer.history[0].comparison
    assert comparison is not None
    assert (comparison["verdict"], comparison["examples"]) == ("not-worse", 100)
    assert comparison["live"] == {"version": old, "accuracy": 0.9}
    assert comparison["candidate"] == {"version": new, "accuracy": 0.92}
    assert comparison["difference"] is not None
    assert (
        comparison["difference"]["low"] < 0.02 == comparison["difference"]["value"] < comparison["difference"]["high"]
    )
    assert "right for 92.0% and the live one for 90.0%" in comparison["sentence"]


def test_a_worse_version_is_refused_unless_it_is_forced(registry: Registry) -> None:
    # Given
    registry.promote(old := registry.publish(share(95, 100)))
    worse = registry.publish(share(70, 100))
    # When
    with pytest.raises(NotBetterError, match="it is worse") as raised:
        registry.promote(worse)
    # Then
    assert raised.value.comparison
    assert raised.value.comparison["verdict"] == "worse"
    assert registry.pointer().live == old
    # And forced, which is recorded
    pointer = registry.promote(worse, force=True)
    assert (pointer.live, pointer.history[0].how) == (worse, "forced")


def test_force_that_was_not_needed_is_an_ordinary_promotion(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    assert registry.promote(registry.publish(share(91, 100)), force=True).history[0].how == "promoted"


def test_versions_without_common_examples_cannot_be_compared(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    with pytest.raises(NotBetterError, match="no example in common"):
        registry.promote(registry.publish(share(90, 100), first=1_000))
    with pytest.raises(NotBetterError, match=r"9 examples that both held out.*at least 10 are needed"):
        registry.promote(registry.publish(share(90, 100), first=91))


def test_the_live_version_is_promoted_again_without_a_trace(registry: Registry) -> None:
    version = registry.publish(share(9, 10))
    before = registry.promote(version)
    assert registry.promote(version) == before
    assert len(registry.store.writes) == 3


def test_a_name_keeps_its_kind(registry: Registry) -> None:
    registry.promote(version := registry.publish(share(9, 10)))
    with pytest.raises(ModelConflictError, match="is a model of kind 'pictures', not 'star'"):
        registry.promotions.promote("shared", "rings", Kind.STAR, version)


def test_two_promotions_at_once_are_one_after_the_other(registry: Registry) -> None:
    """The second is compared again, with what the first made live."""
    # Given a live version, and two that are better than it, of which one is worse than the other
    registry.promote(registry.publish(share(60, 100)))
    good, better = registry.publish(share(70, 100)), registry.publish(share(99, 100))
    # When the better one is promoted while the other has compared, but not written
    raced: list[str] = []

    def race(operation: str, key: str) -> None:
        if operation == "put" and key.startswith("pointers/") and not raced:
            raced.append(key)
            registry.promote(better)

    registry.store.before = race
    with pytest.raises(NotBetterError):
        registry.promote(good)
    # Then
    assert registry.pointer().live == better
    assert len(registry.pointer().history) == 2


def test_many_promotions_at_once_leave_a_whole_history(registry: Registry) -> None:
    versions = [registry.publish(share(90, 100)) for _ in range(4)]
    registry.promote(versions[0])

    def attempt(version: str) -> bool:
        try:
            registry.promote(version)
        except ModelConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, versions[1:]))
    history = [change.version for change in registry.pointer().history]
    assert len(history) == 1 + sum(outcomes)
    assert registry.pointer().live == history[0]


def test_who_never_gets_a_turn_is_told_so(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    version = registry.publish(share(91, 100))
    writes = []

    def always_first(operation: str, key: str) -> None:
        if operation == "put" and key.startswith("pointers/"):
            writes.append(key)
            registry.store.objects[key] = registry.store.objects[key] + b" "

    registry.store.before = always_first
    with pytest.raises(ModelConflictError, match="changed by others"):
        registry.promote(version)
    assert len(writes) == ATTEMPTS


def test_rollback_goes_to_the_version_before(registry: Registry) -> None:
    # Given
    first, second, third = (registry.publish(share(90 + number, 100)) for number in range(3))
    for version in (first, second, third):
        registry.promote(version)
    # When, then
    pointer = registry.promotions.roll_back("shared", "rings")
    assert (pointer.live, pointer.history[0].how, pointer.history[0].training) == (second, "rolled_back", "t2")
    assert registry.promotions.roll_back("shared", "rings", first).live == first
    assert registry.promotions.roll_back("shared", "rings", first).live == first


def test_rollback_skips_deleted_versions_and_says_when_none_is_left(registry: Registry) -> None:
    first, second = registry.publish(share(90, 100)), registry.publish(share(91, 100))
    never = registry.publish(share(92, 100))
    registry.promote(first)
    registry.promote(second)
    registry.promotions.delete_version("shared", "rings", first)
    with pytest.raises(ModelConflictError, match="no earlier live version"):
        registry.promotions.roll_back("shared", "rings")
    with pytest.raises(NotFoundError, match="was never live"):
        registry.promotions.roll_back("shared", "rings", never)
    with pytest.raises(NotFoundError, match="no trained model 'dogs'"):
        registry.promotions.roll_back("shared", "dogs")


def test_the_live_version_is_never_deleted(registry: Registry) -> None:
    registry.promote(version := registry.publish(share(9, 10)))
    with pytest.raises(ModelConflictError, match="is the live version"):
        registry.promotions.delete_version("shared", "rings", version)
    assert VersionFiles(registry.store).card("shared", "rings", version)


def test_a_version_that_is_promoted_while_it_is_deleted_stays(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    version = registry.publish(share(91, 100))
    raced: list[str] = []

    def race(operation: str, key: str) -> None:
        if operation == "put" and key.startswith("pointers/") and not raced:
            raced.append(key)
            registry.promote(version)

    registry.store.before = race
    with pytest.raises(ModelConflictError, match="is the live version"):
        registry.promotions.delete_version("shared", "rings", version)
    assert VersionFiles(registry.store).card("shared", "rings", registry.pointer().live or "")


def test_a_version_that_is_deleted_while_it_is_promoted_does_not_go_live(registry: Registry) -> None:
    registry.promote(old := registry.publish(share(90, 100)))
    version = registry.publish(share(91, 100))
    raced: list[str] = []

    def race(operation: str, key: str) -> None:
        if operation == "put" and key.startswith("pointers/") and not raced:
            raced.append(key)
            registry.promotions.delete_version("shared", "rings", version)

    registry.store.before = race
    with pytest.raises(NotFoundError, match="was deleted"):
        registry.promote(version)
    assert registry.pointer().live == old


def test_a_deleted_model_leaves_nothing_and_its_name_is_free(registry: Registry) -> None:
    registry.promote(registry.publish(share(9, 10)))
    registry.publish(share(8, 10))
    registry.promotions.delete_model("shared", "rings")
    assert registry.store.objects == {}
    with pytest.raises(NotFoundError):
        registry.promotions.delete_model("shared", "rings")
    assert registry.promote(registry.publish(share(7, 10))).history[0].how == "first"


def test_an_interrupted_deletion_serves_nothing_and_can_be_repeated(registry: Registry) -> None:
    # Given a store that fails after a few deletions
    for share_right in (8, 9):
        registry.promote(registry.publish(share(share_right, 10)))
    deleted: list[str] = []

    def fail(operation: str, key: str) -> None:
        if operation == "delete":
            deleted.append(key)
            if len(deleted) == 2:
                raise InfrastructureError("the function was ended")

    registry.store.before = fail
    # When
    with pytest.raises(InfrastructureError):
        registry.promotions.delete_model("shared", "rings")
    # Then
    assert registry.pointer().live is None
    registry.promotions.delete_model("shared", "rings")
    assert registry.store.objects == {}


def test_a_version_that_is_promoted_while_its_model_is_deleted_does_not_bring_it_back(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    version = registry.publish(share(91, 100))
    raced: list[str] = []

    def race(operation: str, key: str) -> None:
        if operation == "put" and key.startswith("pointers/") and not raced:
            raced.append(key)
            registry.promotions.delete_model("shared", "rings")

    registry.store.before = race
    with pytest.raises(NotFoundError, match="has no version"):
        registry.promote(version)
    assert registry.store.objects == {}


def test_a_version_that_is_published_while_its_model_is_deleted_has_all_its_files(registry: Registry) -> None:
    registry.promote(registry.publish(share(90, 100)))
    raced: list[str] = []

    def race(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("/card.json") and not raced:
            raced.append(key)
            registry.promotions.delete_model("shared", "rings")

    registry.store.before = race
    version = registry.publish(share(91, 100))
    assert sorted(key.rpartition("/")[2] for key in registry.store.objects) == ["card.json", "held_out.json"]
    assert registry.promote(version).history[0].how == "first"


def test_history_is_bounded(registry: Registry) -> None:
    first, second = registry.publish(share(90, 100)), registry.publish(share(90, 100))
    for number in range(POINTER_HISTORY // 2 + 1):
        del number
        registry.promote(first)
        registry.promote(second)
    assert len(registry.pointer().history) == POINTER_HISTORY


def test_relabelled_examples_are_left_out() -> None:
    ours = held_out(share(90, 100))
    theirs = held_out(share(90, 100), labels=("ring", "plain"))
    comparison = compare(("a" * 64, theirs), ("b" * 64, ours))
    assert (comparison["verdict"], comparison["relabelled"]) == ("too-few", 100)


def test_labels_are_compared_by_name_not_by_number() -> None:
    ours = held_out([True] * 20)
    reordered = HeldOut(("ring", "plain"), ours.ids, [1 - n for n in ours.truth], [1 - n for n in ours.truth], [1] * 20)
    comparison = compare(("a" * 64, reordered), ("b" * 64, ours))
    assert (comparison["examples"], comparison["relabelled"]) == (20, 0)
    assert comparison["live"] == {"version": "a" * 64, "accuracy": 1}


@given(st.integers(1, 400), st.data())
def test_the_interval_holds_the_difference(count: int, data: st.DataObject) -> None:
    only_first = data.draw(st.integers(0, count))
    only_second = data.draw(st.integers(0, count - only_first))
    difference = paired_difference(only_first, only_second, count)
    assert -1 <= difference["low"] <= difference["value"] <= difference["high"] <= 1
    mirrored = paired_difference(only_second, only_first, count)
    assert difference["low"] == pytest.approx(-mirrored["high"], abs=2e-5)


def test_the_interval_is_that_of_its_source() -> None:
    """Bonett and Price's adjusted interval, by hand: n 40, 12 and 5 discordant."""
    # (6 - 13) / 42 -+ 1.96 sqrt((6/42 + 13/42 - (7/42)^2) / 42)
    difference = paired_difference(12, 5, 40)
    assert difference == {
        "value": -0.175,
        "low": -0.36373,
        "high": 0.0304,
    }


@given(st.binary(max_size=60))
def test_held_out_examples_are_read_or_called_damaged(body: bytes) -> None:
    with pytest.raises(ArtefactError, match="is damaged"):
        HeldOut.read(body)


@pytest.mark.parametrize("cut", ["ids", "truth", "predicted"])
def test_held_out_columns_are_of_one_length(cut: str) -> None:
    whole = held_out([True] * 5)
    columns = {name: getattr(whole, name) for name in HeldOut.__slots__}
    columns[cut] = columns[cut][1:]
    with pytest.raises(ArtefactError, match="is damaged"):
        HeldOut.read(HeldOut(**columns).body())


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"name": "a", "kind": "x", "live": null, "history": []}'])
def test_a_damaged_pointer_is_a_fault_of_the_service(body: bytes) -> None:
    with pytest.raises(InfrastructureError, match="a pointer is damaged"):
        Pointer.from_json(body)
