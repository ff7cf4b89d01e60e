"""A batch desk over buckets in memory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from skysort.batches.match import Matcher
from skysort.batches.status import BatchDesk
from skysort.s3.location import Addressing
from skysort.s3.signature import Credentials, Signer
from tests.fakes.buckets import DROP, RESULTS, MemoryBuckets


@pytest.fixture
def buckets() -> MemoryBuckets:
    return MemoryBuckets()


@pytest.fixture
def desk(buckets: MemoryBuckets) -> BatchDesk:
    return make_desk(buckets)


def make_desk(buckets: MemoryBuckets, **bounds: int) -> BatchDesk:
    return BatchDesk(
        buckets,
        drop_bucket=DROP,
        results_bucket=RESULTS,
        models=("star", "galaxy", "image"),
        addressing=Addressing("eu-central-1"),
        signer=Signer(Credentials("id", "secret"), "eu-central-1", lambda: datetime(2026, 11, 21, tzinfo=UTC)),
        matcher=Matcher(buckets, DROP, RESULTS, **bounds),
    )
