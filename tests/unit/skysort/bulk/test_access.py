"""Which objects a bulk job may read."""

from __future__ import annotations

import pytest

from skysort.bulk.access import Access
from skysort.clients import EVERYBODY, Client

ALONE = Access(Client("client-1"), "drop", ["survey/public/"])
SHARED = Access(EVERYBODY, "drop")


@pytest.mark.parametrize(
    "key",
    [
        "incoming/bulk/client-1/night/stars.csv",
        "incoming/galaxy/client-1/night/1.jpg",
        "incoming/custom/rings/client-1/night/1.jpg",
        "s3://drop/incoming/bulk/client-1/night/stars.csv",
        "s3://survey/public/dr17/stars.parquet",
    ],
)
def test_a_client_may_read_its_own_files_and_what_is_open_to_all(key: str) -> None:
    assert ALONE.fault(key) is None


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            "incoming/bulk/client-2/night/stars.csv",
            "is not one of your files; they are below incoming/<model or bulk>/",
        ),
        ("s3://drop/incoming/bulk/client-2/night/stars.csv", "is not one of your files"),
        ("incoming/bulk/client-1/../client-2/stars.csv", "is not one of your files"),
        ("results/bulk/client-1/stars.csv", "is not one of your files"),
        ("s3://survey/private/stars.csv", "bulk jobs may also read s3://survey/public/"),
        ("s3://survey/public/../private/stars.csv", "bulk jobs may also read s3://survey/public/"),
        ("s3://survey2/public/stars.csv", "not open to bulk jobs"),
    ],
)
def test_any_other_file_is_refused_with_a_reason(key: str, reason: str) -> None:
    assert reason in (ALONE.fault(key) or "")


def test_where_clients_share_everything_all_dropped_files_may_be_read() -> None:
    assert SHARED.fault("incoming/bulk/night/stars.csv") is None
    assert "this service opens no other bucket" in (SHARED.fault("s3://survey/public/stars.csv") or "")
    assert "is not one of your files" in (SHARED.fault("outgoing/stars.csv") or "")


@pytest.mark.parametrize(
    ("prefix", "allowed"),
    [
        ("incoming/bulk/client-1/", True),
        ("incoming/bulk/client-1/night", True),
        ("incoming/bulk/client-1", False),
        ("incoming/bulk/", False),
        ("incoming/", False),
        ("s3://survey/public/", True),
        ("s3://survey/", False),
    ],
)
def test_a_prefix_is_allowed_where_all_below_it_is(prefix: str, allowed: bool) -> None:
    assert (ALONE.prefix_fault(prefix) is None) is allowed
