"""Pools of real sandboxes, without gateway and services."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.pool import CrashedError, StoppingError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.stages.functions import Provisioned
from infra.stages.stage import LocalLimits
from tests.integration.local.conftest import event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from infra.local.pool import Pool

REQUEST_ID = "12345678-1234-1234-1234-123456789012"
BREAK_IMPORT = {"SKYSORT_TEST_BREAK_IMPORT": "1"}


def run(pool: Pool, work: Callable[[], Awaitable[Any]]) -> Any:
    """Run work in a loop, and stop the pool in any case."""

    async def whole() -> Any:
        try:
            return await work()
        finally:
            await pool.close()

    return asyncio.run(whole())


async def call(pool: Pool, **query: object) -> Any:
    reply = await pool.submit(REQUEST_ID, event(**query))
    assert not reply.failed
    return json.loads(json.loads(reply.payload)["body"])


def test_the_first_call_on_demand_is_cold_and_the_second_warm(pool_of: Callable[..., Pool], tmp_path: Path) -> None:
    pool = pool_of()

    async def work() -> None:
        assert pool.pids == []
        assert (await call(pool))["pid"] == (await call(pool))["pid"]

    run(pool, work)
    first, second = [line for line in (tmp_path / "star.log").read_text().splitlines() if line.startswith("REPORT")]
    assert first.endswith("(cold)")
    assert "Init Duration" not in second


def test_provisioned_sandboxes_are_there_before_the_first_call(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(maximum=2, warm=Provisioned(2))

    async def work() -> None:
        await pool.prestart()
        assert len(pool.pids) == 2
        assert (await call(pool))["environment"]["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"

    run(pool, work)


def test_load_beyond_the_provisioned_starts_more_up_to_the_maximum(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(maximum=2, warm=Provisioned(1))

    async def work() -> None:
        await pool.prestart()
        answers = await asyncio.gather(*(call(pool, do="sleep", seconds=0.4) for _ in range(3)))
        assert {answer["pid"] for answer in answers} == set(pool.pids)
        assert len(pool.pids) == 2

    run(pool, work)


def test_a_spare_sandbox_stops_and_the_provisioned_stays(
    pool_of: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pool.HOUSEKEEPING_S", 0.02)
    pool = pool_of(maximum=2, warm=Provisioned(1), limits=LocalLimits(idle_stop_s=0.1))

    async def work() -> None:
        await pool.prestart()
        (provisioned,) = pool.pids
        await asyncio.gather(*(call(pool, do="sleep", seconds=0.3) for _ in range(2)))
        housekeeping = asyncio.create_task(pool.housekeeping())
        async with asyncio.timeout(10):
            while pool.pids != [provisioned]:  # noqa: ASYNC110  the pool tells nobody when it shrinks
                await asyncio.sleep(0.01)
        housekeeping.cancel()

    run(pool, work)


def test_a_full_queue_is_throttled_at_once(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(limits=LocalLimits(queue_depth=1))

    async def work() -> None:
        await call(pool)
        running = [pool.submit(REQUEST_ID, event(do="sleep", seconds=0.2)) for _ in range(2)]
        with pytest.raises(ThrottledError, match="1 requests are being served and 1 wait"):
            pool.submit(REQUEST_ID, event())
        assert not any(reply.failed for reply in await asyncio.gather(*running))

    run(pool, work)


def test_a_call_that_waits_too_long_is_throttled(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(limits=LocalLimits(queue_wait_s=0.05))

    async def work() -> None:
        await call(pool)
        running = pool.submit(REQUEST_ID, event(do="sleep", seconds=0.4))
        with pytest.raises(ThrottledError, match=r"no sandbox became free within 0.05 s"):
            await pool.submit(REQUEST_ID, event())
        assert not (await running).failed

    run(pool, work)


def test_a_caller_who_gives_up_does_not_stop_the_handler(pool_of: Callable[..., Pool], tmp_path: Path) -> None:
    pool = pool_of()

    async def work() -> None:
        pid = (await call(pool))["pid"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pool.submit(REQUEST_ID, event(do="sleep", seconds=0.3))
        assert (await call(pool))["pid"] == pid

    run(pool, work)
    assert (tmp_path / "star.log").read_text().count("REPORT RequestId") == 3


def test_a_timeout_kills_and_the_next_call_starts_anew(pool_of: Callable[..., Pool], tmp_path: Path) -> None:
    pool = pool_of(timeout_s=1)

    async def work() -> None:
        first = (await call(pool))["pid"]
        with pytest.raises(TimedOutError, match="star did not answer within its timeout of 1 s"):
            await pool.submit(REQUEST_ID, event(do="sleep", seconds=30))
        assert (await call(pool))["pid"] != first

    run(pool, work)
    assert "Status: timeout" in (tmp_path / "star.log").read_text()


def test_a_crash_fails_its_own_call_only(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(maximum=2)

    async def work() -> None:
        slow = asyncio.create_task(call(pool, do="sleep", seconds=0.5))
        await asyncio.sleep(0)
        with pytest.raises(CrashedError, match="signal: SIGKILL"):
            await pool.submit(REQUEST_ID, event(do="die"))
        assert (await slow)["pid"] in pool.pids

    run(pool, work)


def test_a_function_that_cannot_be_imported_says_why(pool_of: Callable[..., Pool]) -> None:
    sentence = "function star cannot start: RuntimeError: the artefact star.ubj is missing"
    ahead, on_demand = pool_of(warm=Provisioned(1), environment=BREAK_IMPORT), pool_of(environment=BREAK_IMPORT)
    with pytest.raises(StartFailedError, match=sentence):
        run(ahead, ahead.prestart)
    with pytest.raises(StartFailedError, match=sentence):
        run(on_demand, lambda: on_demand.submit(REQUEST_ID, event()))


def test_a_handler_without_a_file_says_so(pool_of: Callable[..., Pool], tmp_path: Path) -> None:
    pool = pool_of(warm=Provisioned(1))
    object.__setattr__(pool._launcher, "root", tmp_path / "nowhere")
    with pytest.raises(StartFailedError, match=r"function star cannot be started: .*nowhere"):
        run(pool, pool.prestart)


def test_closing_answers_who_still_waits(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of()

    async def work() -> None:
        await call(pool)
        running, waiting = (pool.submit(REQUEST_ID, event(do="sleep", seconds=30)) for _ in range(2))
        await asyncio.sleep(0.1)
        await pool.close()
        with pytest.raises(CrashedError):
            await running
        with pytest.raises(StoppingError):
            await waiting
        with pytest.raises(StoppingError):
            pool.submit(REQUEST_ID, event())

    run(pool, work)
    assert pool.pids == []


def test_scratch_folders_go_with_their_sandboxes(pool_of: Callable[..., Pool], tmp_path: Path) -> None:
    pool = pool_of()

    async def work() -> None:
        scratch = (await call(pool))["environment"]["TMPDIR"]
        assert [str(path) for path in (tmp_path / "tmp").iterdir()] == [scratch]

    run(pool, work)
    assert list((tmp_path / "tmp").iterdir()) == []
