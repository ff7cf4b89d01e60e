"""Parallel processing of a stream of items, in order, with bounded memory."""

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
    """Process items in threads.

    Parameters
    ----------
    work
        Processes an item.
    items
        Read lazily.
    workers
        Number of threads.
    weigh
        Returns an item's bytes.
    max_bytes
        Limit on the bytes of pending items; a larger item is processed alone.

    Yields
    ------
    The result of each item, in order.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    weight = 0
    with ThreadPoolExecutor(workers, "picture") as pool:
        try:
            for item in items:
                size = weigh(item)
                while waiting and (weight + size > max_bytes or len(waiting) >= 2 * workers):
                    future, done_size = waiting.popleft()
                    weight -= done_size
                    yield future.result()
                waiting.append((pool.submit(work, item), size))
                weight += size
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            pool.shutdown(cancel_futures=True)
