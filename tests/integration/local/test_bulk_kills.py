"""Bulk jobs of many small parts while their sandboxes are killed: every row once, whatever is lost, stopped or doubled.

Functions, sandboxes and state machine are those of the local stack. Its S3 and SQS live in this process, so that a job
outlives the sandboxes and what runs them.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from skysort.models import BULK
from tests.integration.local.bulk_service import ROWS, WORKERS, Service, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PARTS: Final = 120
EVERY_ROW: Final = [f"star-{number}" for number in range(PARTS * ROWS)]
DEADLINE_S: Final = 250.0


@pytest.fixture(scope="module")
def endpoint(aws: Callable[[Mapping[str, str]], str]) -> Iterator[str]:
    aws({})
    with serving() as address:
        yield address


@pytest.fixture
def service(endpoint: str, tmp_path: Path) -> Service:
    return Service(endpoint, tmp_path)


async def until(check: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not check():  # noqa: ASYNC110 - the log tells nobody when it grows
            await asyncio.sleep(0.02)


def test_sandboxes_are_killed_and_messages_delivered_twice_and_every_row_is_there_once(service: Service) -> None:
    # Given a job whose start is told of three times
    keys, killed, draw = service.planned(service.drop(PARTS)), Counter[str](), random.Random(8)

    async def work() -> None:
        async with service.running() as pools:
            service.start(keys)
            await until(lambda: service.begun() > 3)
            service.start(keys)
            service.start(keys)
            # When sandboxes are killed again and again, whatever they are doing
            while service.ended() < 3:
                pool = draw.choice([pools["star-bulk"]] * 4 + [pools[BULK]])
                if pool.pids:
                    os.kill(draw.choice(pool.pids), signal.SIGKILL)
                    killed[pool.name] += 1
                more = service.begun() + draw.randint(2, 20)
                await until(lambda: service.begun() >= more or service.ended() == 3)  # noqa: B023 - called at once

    asyncio.run(work())
    # Then
    assert service.phase(keys)["phase"] == "done", (service.phase(keys), service.lines[-20:])
    assert killed["star-bulk"] >= 5
    assert sorted(service.rows(keys)) == sorted(EVERY_ROW)
    summary = service.summary(keys)
    assert (summary["rows"]["in"], summary["rows"]["out"]) == (len(EVERY_ROW), len(EVERY_ROW))


def test_a_service_that_is_stopped_in_the_middle_goes_on_and_repeats_at_most_a_part_a_worker(service: Service) -> None:
    # Given a service that is killed half-way
    keys = service.planned(service.drop(PARTS))

    async def first() -> None:
        async with service.running():
            service.start(keys)
            await until(lambda: service.begun() > PARTS // 2)

    asyncio.run(first())
    done = service.done(keys)
    assert PARTS // 2 - WORKERS <= done < PARTS
    written = {item.key: item.modified for item in service.store.list(keys.data_prefix)}
    # When another one starts a further run
    service.lines.clear()

    async def second() -> None:
        async with service.running():
            service.start(keys, 2)
            await until(lambda: service.ended() == 1)

    asyncio.run(second())
    # Then it did the parts that were not done, of which at most one a worker had been begun
    assert service.begun() == PARTS - done
    assert len(written) - done <= WORKERS
    assert service.phase(keys)["phase"] == "done", service.lines[-20:]
    assert sorted(service.rows(keys)) == sorted(EVERY_ROW)
    after = {item.key: item.modified for item in service.store.list(keys.data_prefix)}
    assert sum(after[key] != modified for key, modified in written.items()) <= WORKERS
