"""Conditional writes of the models bucket on moto's server: many writers, one winner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import ConflictError, S3ModelStore
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUCKET, REGION = "skysort-models-test", "us-east-1"
WRITERS = 8


@pytest.fixture(scope="module")
def store(aws: Callable[[Mapping[str, str]], str]) -> S3ModelStore:
    endpoint = aws({})
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


def test_a_bucket_that_does_not_exist_is_no_conflict(aws: Callable[[Mapping[str, str]], str]) -> None:
    nowhere = S3ModelStore(client(aws({})), "skysort-models-nowhere")
    with pytest.raises(InfrastructureError) as raised:
        nowhere.put("a", b"b", replaces="0" * 32)
    assert not isinstance(raised.value, ConflictError)
