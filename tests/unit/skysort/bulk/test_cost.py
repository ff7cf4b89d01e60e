"""Seconds and dollars of a job: expected from a sample, and counted from its parts, by the same prices."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk.cost import Measured, Pace, Size, Spent, counted, expected
from skysort.bulk.store import RANGE_BYTES
from skysort.errors import InfrastructureError
from skysort.prices import Prices
from tests.factories_bulk import PROBE

PRICES = Prices()


def measured(**fields: Any) -> Measured:
    return Measured.read(json.dumps({**PROBE, **fields}).encode())


def test_a_billion_rows_cost_less_than_a_dollar() -> None:
    # Given a rate of 200,000 rows a second and core, and a thousand parts at a time
    probe = measured(rows=200_000, seconds=1.0, start_s=1.0)
    # When
    work = expected(probe, [Size(1_000_000, 72_500_000)] * 1_000, Pace(1_000), PRICES)
    # Then
    assert work.rows == 10**9
    assert work.seconds == pytest.approx(6.0 + 2.0)
    assert work.dollars.total < 1
    # A thousand starts of a second each, and five seconds of rows each, at 1.73 GB.
    assert work.dollars.compute == pytest.approx(6_000 * 1_769 / 1_024 * PRICES.gb_second, rel=0.01)


def test_parts_beyond_the_concurrency_wait_for_a_free_sandbox() -> None:
    # Given parts of one second, but for a last one of four
    probe = measured(rows=1_000, seconds=1.0, start_s=0.5)
    sizes = [*[Size(1_000, 0)] * 4, Size(4_000, 0)]
    # When two are done at a time, the last begins when both have done two
    assert expected(probe, sizes, Pace(2), PRICES).seconds == pytest.approx(0.5 + 2 + 4 + 0.01)


def test_sandboxes_that_have_started_need_no_start() -> None:
    probe = measured(rows=1_000, seconds=1.0, start_s=0.5)
    cold, half, warm = (expected(probe, [Size(1_000, 0)] * 2, Pace(2, warm=started), PRICES) for started in range(3))
    assert cold.seconds == half.seconds == pytest.approx(warm.seconds + 0.5)
    assert cold.dollars.compute > half.dollars.compute > warm.dollars.compute


def test_the_time_until_a_part_is_begun_is_waited_for_and_not_billed() -> None:
    plain, waiting = (expected(measured(), [Size(1_000, 0)] * 10, pace, PRICES) for pace in (Pace(1), Pace(1, 0, 0.1)))
    assert waiting.seconds - plain.seconds == pytest.approx(10 * 0.1)
    assert waiting.dollars == plain.dollars


def test_what_is_paid_once_a_part_is_paid_for_each() -> None:
    few, many = (
        expected(measured(part_s=0.1), [Size(100_000 // parts, 0)] * parts, Pace(1), PRICES).seconds
        for parts in (1, 100)
    )
    assert many - few == pytest.approx(99 * (0.1 + 0.002))


def test_a_slower_store_makes_the_end_longer() -> None:
    near, far = (expected(measured(part_s=each), [Size(1, 0)], Pace(1), PRICES).seconds for each in (0.0, 0.1))
    # As five parts pay once, beside the part itself.
    assert far - near == pytest.approx(6 * 0.1)


def test_rows_that_nobody_counted_are_told_by_their_bytes() -> None:
    work = expected(measured(bytes_in_per_row=50.0), [Size(None, 5_000), Size(900, 1)], Pace(1), PRICES)
    assert (work.rows, work.exact) == (1_000, False)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=50), st.integers(1, 60))
def test_the_last_part_ends_between_the_bounds_of_any_schedule(rows: list[int], concurrency: int) -> None:
    probe = measured()
    work = expected(probe, [Size(each, 0) for each in rows], Pace(concurrency), PRICES)
    longest, busy = (of(rows) * probe.seconds_a_row for of in (max, sum))
    least = probe.start_s + 0.002 * len(rows) + max(longest, busy / concurrency)
    assert least - 1e-9 <= work.seconds <= least + longest + 1e-9


def test_what_came_as_expected_cost_as_expected() -> None:
    # Given
    probe = measured(start_s=0.25, part_s=0.05)
    sizes = [Size(10_000, 3 * RANGE_BYTES, slices=3)] * 200
    work = expected(probe, sizes, Pace(4), PRICES)
    # When each part takes what the sample said
    spent = Spent()
    for _ in sizes:
        spent.add(100, probe.memory_mb, {"get": 3 + 6, "put": 2})
    # Then
    dollars = counted(spent, 4 * probe.start_s, probe.memory_mb, PRICES)
    assert dollars == pytest.approx(work.dollars)


def test_a_part_that_was_tried_in_further_ways_costs_more() -> None:
    plain, split = Spent(), Spent()
    plain.add(100, 1_000, {"get": 1, "put": 1})
    split.add(100, 1_000, {"get": 1, "put": 1}, retried=1)
    more = counted(split, 0, 1_000, PRICES).transitions - counted(plain, 0, 1_000, PRICES).transitions
    assert more == pytest.approx(PRICES.million_transitions / 1e6)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", json.dumps({**PROBE, "rows": None}).encode()])
def test_a_damaged_probe_is_a_fault_of_the_service(body: bytes) -> None:
    with pytest.raises(InfrastructureError, match="is damaged"):
        Measured.read(body)
