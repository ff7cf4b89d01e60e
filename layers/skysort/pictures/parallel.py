"""Work on a stream of items side by side, in their order, with a bound on what waits in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    weigh: Callable[[Item], int],
    most: int,
) -> Generator[Result]:
    """The result of each item, in order.

    weigh: an item's bytes. most: bytes of items that are taken in before the oldest has to be done; one item
    may weigh more and then goes alone.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    weight = 0
    with ThreadPoolExecutor(workers, "picture") as pool:
        try:
            for item in items:
                heavy = weigh(item)
                while waiting and (weight + heavy > most or len(waiting) >= 2 * workers):
                    done, freed = waiting.popleft()
                    weight -= freed
                    yield done.result()
                waiting.append((pool.submit(work, item), heavy))
                weight += heavy
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            pool.shutdown(cancel_futures=True)
