"""Work side by side: in order, and within a bound on what waits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.parallel import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_results_come_in_order_and_no_more_than_agreed_waits_in_memory() -> None:
    # Given items of ten bytes, and room for thirty
    taken: list[int] = []
    finished: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            assert len(taken) - len(finished) <= 4
            yield number

    # When they are worked on
    finished.extend(in_order(lambda item: item * 2, items(), workers=8, weigh=lambda _: 10, max_bytes=30))
    # Then all are there, in order
    assert finished == [number * 2 for number in range(50)]


def test_one_item_above_the_limit_goes_alone() -> None:
    assert list(in_order(str, [1, 2, 3], workers=2, weigh=lambda _: 100, max_bytes=10)) == ["1", "2", "3"]
