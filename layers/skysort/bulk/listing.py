"""The listing of a large prefix by several requests at once: S3 gives a thousand keys an answer, one after the other.

The first keys come in order. If there are more, threads list ranges of keys; whoever has none left takes over the
second half of another's, so that nobody needs to know how the keys are spread. From then on the order of the pages is
not that of the keys.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from skysort.s3.client import ListedObject

    # Lists the objects whose keys come after a key, a page at a time, by key.
    Lister = Callable[[str], Iterator[list[ListedObject]]]

_IN_ORDER: Final = 5
_WORKERS: Final = 8
# Pages that wait to be taken.
_WAITING: Final = 32
_POLL_S: Final = 0.1
# Keys have mostly ASCII; what comes behind is a range of its own, mostly without a key.
_LAST: Final = "\x7f"
_SURROGATES: Final = range(0xD800, 0xE000)


def listing(
    lister: Lister, prefix: str, workers: int = _WORKERS, in_order: int = _IN_ORDER
) -> Iterator[list[ListedObject]]:
    """The objects of a prefix.

    Parameters
    ----------
    lister
        Lists the objects of the prefix after a key.
    prefix
        The prefix.
    workers
        Requests at a time.
    in_order
        Pages that are listed one after the other, in the order of the keys.

    Yields
    ------
    Pages, every object once.
    """
    pages = lister("")
    last = ""
    for number, page in enumerate(pages, start=1):
        yield page
        last = page[-1].key if page else last
        if number == in_order:
            break
    else:
        return
    yield from _Shared(lister, workers).run(last, prefix)


@dataclass(slots=True)
class _Range:
    """Keys after one, up to and with another; without an end, all.

    to_share: a page of it was listed since it was last halved, so that there are hardly more halves than pages.
    """

    after: str
    end: str | None
    to_share: bool = False


class _Shared:
    """Lists ranges in threads that share them."""

    def __init__(self, lister: Lister, workers: int) -> None:
        self._lister = lister
        self._workers = workers
        self._pages: queue.Queue[list[ListedObject]] = queue.Queue(_WAITING)
        self._lock = threading.Condition()
        self._waiting: deque[_Range] = deque()
        self._listed: list[_Range] = []
        self._stopped = False

    def run(self, after: str, prefix: str) -> Iterator[list[ListedObject]]:
        """The pages of all keys of a prefix that come after one."""
        end = prefix + _LAST
        self._waiting.extend([_Range(after, end), _Range(end, None)] if after < end else [_Range(after, None)])
        with ThreadPoolExecutor(self._workers, "list") as pool:
            running = [pool.submit(self._work) for _ in range(self._workers)]
            try:
                yield from self._taken(running)
            finally:
                with self._lock:
                    self._stopped = True
                    self._lock.notify_all()
        for each in running:
            each.result()

    def _taken(self, running: list[Future[None]]) -> Iterator[list[ListedObject]]:
        while not all(each.done() for each in running) or not self._pages.empty():
            if any(each.done() and each.exception() for each in running):
                return
            with suppress(queue.Empty):
                if page := self._pages.get(timeout=_POLL_S):
                    yield page

    def _work(self) -> None:
        while (mine := self._next()) is not None:
            try:
                self._list(mine)
            finally:
                with self._lock:
                    self._listed.remove(mine)
                    self._lock.notify_all()
        # Whoever waits for pages looks whether all have ended.
        with suppress(queue.Full):
            self._pages.put_nowait([])

    def _next(self) -> _Range | None:
        """A range that waits, or half of one that another lists; None once there is none left."""
        with self._lock:
            while not self._stopped:
                if self._waiting:
                    self._listed.append(self._waiting.popleft())
                    return self._listed[-1]
                for other in self._listed:
                    middle = between(other.after, other.end) if other.to_share and other.end is not None else None
                    if middle is not None:
                        self._listed.append(_Range(middle, other.end))
                        other.end, other.to_share = middle, False
                        return self._listed[-1]
                if not self._listed:
                    return None
                self._lock.wait()
        return None

    def _list(self, mine: _Range) -> None:
        for page in self._lister(mine.after):
            with self._lock:
                end = mine.end
                kept = page if end is None else [item for item in page if item.key <= end]
                if page:
                    mine.after = page[-1].key
                is_over = self._stopped or len(kept) < len(page) or (end is not None and mine.after >= end)
                mine.to_share = not is_over
                self._lock.notify_all()
            if kept:
                self._put(kept)
            if is_over:
                return

    def _put(self, page: list[ListedObject]) -> None:
        while not self._stopped:
            with suppress(queue.Full):
                self._pages.put(page, timeout=_POLL_S)
                return


def between(after: str, end: str) -> str | None:
    """A text between two, about in the middle; None if there is hardly any."""
    shared = 0
    while shared < len(after) and shared < len(end) and after[shared] == end[shared]:
        shared += 1
    low, high = (ord(text[shared]) if shared < len(text) else 0 for text in (after, end))
    if high - low > 1:
        middle = end[:shared] + _character((low + high) // 2)
    else:
        # Neighbours: in the middle of what begins with the lower one.
        rest = ord(after[shared + 1]) if shared + 1 < len(after) else 0
        middle = after[: shared + 1] + _character((rest + ord(_LAST) + 1) // 2)
    return middle if after < middle < end else None


def _character(code: int) -> str:
    return chr(_SURROGATES.start - 1 if code in _SURROGATES else code)
