"""A batch service over buckets in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from skysort.batches.match import Matcher
from skysort.batches.status import BatchStatusService
from skysort.limits import BATCH_LOOKUPS
from skysort.s3.signature import Addressing, Credentials, Signer
from tests.fakes.buckets import DROP, RESULTS, MemoryBuckets

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def buckets() -> MemoryBuckets:
    return MemoryBuckets()


@pytest.fixture
def service(buckets: MemoryBuckets) -> BatchStatusService:
    return make_service(buckets)


def make_service(
    buckets: MemoryBuckets, trained: Sequence[str] = (), lookups: int = BATCH_LOOKUPS, **bounds: int
) -> BatchStatusService:
    return BatchStatusService(
        buckets,
        drop_bucket=DROP,
        results_bucket=RESULTS,
        models=("star", "galaxy", "image"),
        addressing=Addressing("eu-central-1"),
        signer=Signer(Credentials("id", "secret"), "eu-central-1", lambda: datetime(2026, 11, 21, tzinfo=UTC)),
        matcher=Matcher(buckets, DROP, RESULTS, **bounds),
        trained=lambda _: trained,
        lookups=lookups,
    )
