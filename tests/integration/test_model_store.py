"""Conditional writes of the models bucket on moto's server: many writers, one winner."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest
from werkzeug.serving import make_server

from infra.local.services import one_condition_at_a_time, s3_and_sqs
from skysort.errors import InfrastructureError, ModelConflictError, NotFoundError
from skysort.registry import keys
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.store import ConflictError, S3ModelStore
from skysort.registry.versions import VersionFiles
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET, REGION = "skysort-models-test", "us-east-1"
WRITERS = 8


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The store of the local stack, which keeps conditions as S3 does."""
    server = make_server("127.0.0.1", 0, one_condition_at_a_time(s3_and_sqs()), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def store(endpoint: str) -> S3ModelStore:
    boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    ).create_bucket(Bucket=BUCKET)
    return S3ModelStore(client(endpoint), BUCKET)


def client(endpoint: str) -> S3Client:
    return S3Client(Addressing(REGION, endpoint), Signer(Credentials("test", "test"), REGION))


def test_a_document_is_read_whole_in_part_and_when_it_changed(store: S3ModelStore) -> None:
    etag = store.put("pointers/shared/a b+ü.json", b"0123456789", content_type="application/json")
    assert store.get("pointers/shared/a b+ü.json") == (b"0123456789", etag)
    assert store.get_range("pointers/shared/a b+ü.json", 2, 3) == b"234"
    assert store.get_if_changed("pointers/shared/a b+ü.json", etag) is None
    new = store.put("pointers/shared/a b+ü.json", b"new", replaces=etag)
    assert store.get_if_changed("pointers/shared/a b+ü.json", etag) == (b"new", new)
    assert [item.key for item in store.list("pointers/shared/a")] == ["pointers/shared/a b+ü.json"]
    assert list(store.folders("pointers/")) == ["shared"]
    assert list(store.folders("nothing/")) == []


def test_conditions_hold(store: S3ModelStore) -> None:
    etag = store.put("one", b"one")
    for replaces in (None, "0" * 32):
        with pytest.raises(ConflictError):
            store.put("one", b"two", replaces=replaces)
    with pytest.raises(ConflictError, match="deleted concurrently"):
        store.put("never", b"two", replaces=etag)
    assert store.get("one").body == b"one"
    store.delete("one")
    store.delete("one")
    with pytest.raises(NotFoundError):
        store.get("one")
    with pytest.raises(NotFoundError):
        store.get_if_changed("one", etag)


@pytest.mark.parametrize("round_", range(5))
@pytest.mark.parametrize("exists", [True, False])
def test_of_many_writers_at_once_one_wins(store: S3ModelStore, round_: int, *, exists: bool) -> None:
    # Given
    key = f"race-{round_}-{exists}"
    etag = store.put(key, b"first") if exists else None

    def write(number: int) -> bool:
        try:
            store.put(key, f"writer {number}".encode(), replaces=etag)
        except ConflictError:
            return False
        return True

    # When
    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(write, range(WRITERS)))
    # Then
    assert sorted(outcomes) == [False] * (WRITERS - 1) + [True]
    assert store.get(key).body == f"writer {outcomes.index(True)}".encode()


def test_a_bucket_that_does_not_exist_is_no_conflict(endpoint: str) -> None:
    nowhere = S3ModelStore(client(endpoint), "skysort-models-nowhere")
    with pytest.raises(InfrastructureError) as raised:
        nowhere.put("a", b"b", replaces="0" * 32)
    assert not isinstance(raised.value, ConflictError)


def test_promotions_and_rollbacks_at_once_leave_a_whole_history(store: S3ModelStore) -> None:
    # Given versions that are all alike
    versions = []
    for number in range(4):
        held_out = HeldOut(("a", "b"), [f"{n:016x}" for n in range(20)], [0] * 20, [0] * 20, [1.0] * 20)
        card = {"name": "rings", "created": f"{number}"}
        versions.append(VersionFiles(store).publish("shared", "rings", card, {keys.HELD_OUT: held_out.body()}))
    promotions = Promotions(store)
    promotions.promote("shared", "rings", Kind.PICTURES, versions[0])

    # When several promote and roll back at once
    def change(version: str) -> int:
        changes = 0
        for force in (False, True):
            try:
                promotions.promote("shared", "rings", Kind.PICTURES, version, force=force)
                promotions.roll_back("shared", "rings")
            except ModelConflictError:
                continue
            changes += 1
        return changes

    with ThreadPoolExecutor(len(versions)) as pool:
        assert sum(pool.map(change, versions)) > 0
    # Then every change is in the history once, and each follows from the one before
    pointer = Pointers(store).read("shared", "rings")
    assert pointer.live == pointer.history[0].version
    assert pointer.history[-1].how == "first"
    following = list(zip(pointer.history, pointer.history[1:], strict=False))
    assert all(later.version != earlier.version for later, earlier in following)
    compared = [(later.comparison, earlier) for later, earlier in following if later.comparison]
    assert compared
    assert all(found["live"] and found["live"]["version"] == earlier.version for found, earlier in compared)
