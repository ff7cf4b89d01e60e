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
    max_bytes: int,
) -> Generator[Result]:
    """Work on items in threads.

    Parameters
    ----------
    work
        What is done with an item.
    items
        Taken in one by one.
    workers
        Threads.
    weigh
        An item's bytes.
    max_bytes
        Of items that are taken in before the oldest has to be done; one item may weigh more and then goes alone.

    Yields
    ------
    The result of each item, in order.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    weight = 0
    with ThreadPoolExecutor(workers, "picture") as pool:
        try:
            for item in items:
                heavy = weigh(item)
                while waiting and (weight + heavy > max_bytes or len(waiting) >= 2 * workers):
                    done, freed = waiting.popleft()
                    weight -= freed
                    yield done.result()
                waiting.append((pool.submit(work, item), heavy))
                weight += heavy
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            pool.shutdown(cancel_futures=True)
